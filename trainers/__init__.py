"""Programs: train, evaluate and export experiments that are described by config files."""

import os

# What these programs print is their progress and their report, not TensorFlow's notes on the CPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
