"""Options of Streamlit's server."""

from __future__ import annotations

import streamlit as st


def base_path() -> str:
    """Return the base path of the server, without slashes at its ends."""
    return st.get_option("server.baseUrlPath") or ""
