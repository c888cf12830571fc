"""What keys of the HTTP APIs may open."""

SCOPES = (
    "*",
    "orders:read",
    "orders:write",
    "orders:decide",
    "stock:read",
    "stock:write",
    "payments:read",
    "payments:write",
    "shipments:read",
    "shipments:write",
    "notices:read",
    "notices:write",
    "operations:read",
    "operations:write",
)
"""Of all services: they may share a list of keys."""
