"""What Orderstream does in a second, beside what the machine can do."""
