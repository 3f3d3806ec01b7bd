"""Exports a trained model for servers.

`python -m trainers.export` in a checkout is `tfvae export`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
