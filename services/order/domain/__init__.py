"""What the order service decides: pure functions over frozen values."""
