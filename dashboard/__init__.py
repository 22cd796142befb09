"""The Streamlit application of ViT Lab: `python -m dashboard` starts it."""
