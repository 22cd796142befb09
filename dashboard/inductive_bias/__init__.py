"""The Inductive bias page."""
