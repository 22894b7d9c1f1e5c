"""Rosters and registers over the API."""
