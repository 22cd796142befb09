"""Options of the server that Streamlit's public functions do not tell."""

from __future__ import annotations

import streamlit as st


def base_path() -> str:
    """Return the path below which the server serves its files, without slashes at its ends."""
    return st.get_option("server.baseUrlPath") or ""
