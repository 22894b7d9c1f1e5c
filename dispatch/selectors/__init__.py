"""Questions about campaigns, messages and calls."""
