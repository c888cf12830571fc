"""What the HTTP APIs of all services have in common: what their keys may open, and how a request is named."""

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

IDEMPOTENCY_KEY = "[!-~]{1,200}"
"""The form of an idempotency key: visible characters of ASCII."""
