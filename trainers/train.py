"""Trains the model of a config.

`python -m trainers.train` in a checkout is `tfvae train`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
