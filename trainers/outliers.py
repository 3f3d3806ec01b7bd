"""Finds the rows of a table that are unlike the others.

`python -m trainers.outliers` in a checkout is `tfvae score`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["score", *sys.argv[1:]])
