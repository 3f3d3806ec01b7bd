"""Trains several models side by side.

`python -m trainers.compare` in a checkout is `tfvae compare`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["compare", *sys.argv[1:]])
