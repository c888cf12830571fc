"""The shipping service: from a requested fulfilment to goods in the customer's hands."""
