"""Trains many runs, and makes one table of them.

`python -m trainers.sweep` in a checkout is `tfvae sweep`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["sweep", *sys.argv[1:]])
