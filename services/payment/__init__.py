"""The payment service: what is authorised, captured, let go and paid back for each order."""
