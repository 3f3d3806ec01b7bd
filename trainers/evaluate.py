"""Evaluates a trained model.

`python -m trainers.evaluate` in a checkout is `tfvae evaluate`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
