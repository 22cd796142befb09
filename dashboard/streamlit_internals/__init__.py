"""Everything that leans on Streamlit's insides: check it first after an upgrade."""
