"""Tells customers what becomes of their orders."""
