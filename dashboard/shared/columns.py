"""How the columns of tables format their numbers and missing values."""

from __future__ import annotations

import streamlit as st

MISSING = "–"
PERCENT = st.column_config.NumberColumn(format="%.2f %%")
POINTS = st.column_config.NumberColumn(format="%.2f")  # percent, where the heading holds the unit
MINUTES = st.column_config.NumberColumn(format="%.1f")
COUNT = st.column_config.NumberColumn(format="localized")
