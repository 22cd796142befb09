"""Client-side components (Streamlit components v2) in plain JavaScript.

They use the plotly.js of the installed plotly package, which the server sends.
"""
