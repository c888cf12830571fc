"""The rules of payment: pure functions over frozen values."""
