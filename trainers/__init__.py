"""The programs of a checkout, each a command of `tfvae`, and examples for clusters."""

import os

# Hides TensorFlow's notes on the CPU: the programs print their progress and their report.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
