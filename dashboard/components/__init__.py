"""Client-side parts (Streamlit components v2), written by hand."""
