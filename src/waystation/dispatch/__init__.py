"""Who drives which run, and where."""
