"""The attention explorer in notebooks: `from dashboard.notebook import explore`.

It needs no server. The result is the standalone file of `dashboard.standalone` in an iframe.
"""

from dashboard.notebook.explore import Explorer, explore

__all__ = ["Explorer", "explore"]
