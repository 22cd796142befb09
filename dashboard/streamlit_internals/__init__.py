"""Code that depends on the internals of Streamlit. Check it first after an upgrade."""
