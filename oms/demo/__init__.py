"""`oms demo`: real orders through the whole road, and what became of them."""
