"""The class that reads the address of each page."""

from dashboard.states.parameters import STATES

__all__ = ["STATES"]
