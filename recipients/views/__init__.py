"""Pages of rosters and registers."""
