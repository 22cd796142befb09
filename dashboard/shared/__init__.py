"""Code that several pages use: cached data, selections, curves, measurements."""
