"""Order numbers: the same order of the same channel always has the same one."""

import hashlib

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without the letters that are misread."""


def order_number(channel: str, channel_order_id: str) -> str:
    """Three groups of four: the first 60 bits of the SHA-256 of `channel`, NUL, `channel_order_id` in UTF-8."""
    digest = hashlib.sha256(f"{channel}\0{channel_order_id}".encode()).digest()
    bits = int.from_bytes(digest[:8]) >> 4
    letters = "".join(CROCKFORD[(bits >> shift) & 31] for shift in range(55, -1, -5))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"
