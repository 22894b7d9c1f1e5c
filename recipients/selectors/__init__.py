"""Questions about rosters, their rows and the registers."""
