"""Channel adapters: edges that bring orders to the public intake and own no truth."""
