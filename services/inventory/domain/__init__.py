"""What the inventory service decides, without I/O."""
