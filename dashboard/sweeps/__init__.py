"""Results of sweeps, as Overview, Compare and Inductive bias show them."""
