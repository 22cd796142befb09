"""Runs: the folder of a training, its status, its process and its curves. Does not import torch."""
