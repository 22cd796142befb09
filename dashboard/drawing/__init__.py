"""Figures, pictures and text for pages. Nothing here knows Streamlit."""
