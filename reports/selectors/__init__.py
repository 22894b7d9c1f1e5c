"""Questions across the rooms; nothing here changes anything."""
