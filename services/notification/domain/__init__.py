"""The pure part: what a customer is told, once, and what becomes of it."""
