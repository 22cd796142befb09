"""Several runs as one thing: fair pairs, sample-efficiency sweeps and studies. No torch."""
