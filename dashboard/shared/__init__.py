"""What several pages need: cached data, selections, curves, measurements."""
