"""The private PostgreSQL and Valkey, and the process runner, for trying and testing; never in production."""
