"""Client-side components (Streamlit components v2) in plain JavaScript.

They use the plotly.js of the installed plotly package.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import plotly

STATIC = Path(__file__).resolve().parent.parent / "static"


@functools.cache
def publish_plotly() -> None:
    """Copy plotly.js of the installed plotly package into the served folder, if it has changed."""
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    target = STATIC / "plotly.min.js"
    if not target.exists() or target.stat().st_size != source.stat().st_size:
        draft = target.with_suffix(".tmp")
        shutil.copyfile(source, draft)
        draft.replace(target)
