"""Pages of what happened."""
