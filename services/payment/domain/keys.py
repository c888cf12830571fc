"""Idempotency keys: derived from what is asked, so that asking again can't take effect twice."""

import hashlib

LONGEST = 180
"""Characters of a key; a message takes 200 with a prefix, the gateway 255."""


def authorisation_key(order_number: str, attempt: int) -> str:
    return _key(order_number, "auth", str(attempt))


def renewal_key(order_number: str, attempt: int, number: int) -> str:
    return _key(order_number, "renew", f"{attempt}-{number}")


def capture_key(order_number: str, fulfilment_id: str, number: int) -> str:
    return _key(order_number, "capture", f"{fulfilment_id}-{number}")


def void_key(order_number: str, attempt: int, number: int) -> str:
    return _key(order_number, "void", f"{attempt}-{number}")


def refund_key(order_number: str, refund_id: str, number: int) -> str:
    return _key(order_number, "refund", f"{refund_id}-{number}")


def _key(order_number: str, operation: str, what: str) -> str:
    """Ids that a header can't carry are replaced by their digest."""
    key = f"{order_number}-{operation}-{what}"
    if len(key) <= LONGEST and key.isascii() and key.isprintable():
        return key
    return f"{operation}-{hashlib.sha256(key.encode()).hexdigest()}"
