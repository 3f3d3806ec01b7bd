"""Follows people in video.

`python -m trainers.tracking` in a checkout is `tfvae track`.
"""

import sys

from tfvae.commands import main

if __name__ == "__main__":
    main(["track", *sys.argv[1:]])
