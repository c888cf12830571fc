"""What shipping decides: pure functions over frozen values."""
