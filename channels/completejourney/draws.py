"""Chance that can be repeated: the same seed, purpose and subject always draw the same number."""

from hashlib import blake2b


def draw(purpose: str, subject: int, seed: int = 0) -> float:
    """A number from 0 up to but not including 1."""
    digest = blake2b(f"{seed}/{purpose}/{subject}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / (1 << 53)
