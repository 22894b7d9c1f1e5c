"""Pages of campaigns and of the call list."""
