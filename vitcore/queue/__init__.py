"""The training queue: which run starts when, and on which device. Does not import torch."""
