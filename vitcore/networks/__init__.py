"""The networks, one file per family. They know neither configurations nor runs."""
