"""Runs: the folder that holds everything about one training, who is alive, and who starts what. No torch."""
