"""Groups of runs: fair pairs, sample-efficiency sweeps and studies. Does not import torch."""
