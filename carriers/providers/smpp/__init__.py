"""SMPP 3.4: one bind to an SMSC, as the contract of ``carriers.base`` wants it."""
