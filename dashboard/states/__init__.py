"""The state of each page: what its address holds. Links to a page are made from its state."""
