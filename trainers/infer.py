"""Embeds or scores files with an exported model.

`python -m trainers.infer` in a checkout is `tfvae infer`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["infer", *sys.argv[1:]])
