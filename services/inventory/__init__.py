"""The inventory service: how much of what is where, and for which order."""
