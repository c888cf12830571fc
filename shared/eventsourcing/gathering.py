"""How long messages gather after a batch of a few: a transaction costs nearly the same for one as for fifty."""

WORTH_A_BATCH = 50
"""So many messages at once are a batch that need not gather."""
GATHER_S = 0.01
"""How long messages gather at least, unless the service is set otherwise."""
LONGEST_S = 0.1
"""For how long at most they gather because a batch took long."""


def rest_after(took_s: float, least_s: float = GATHER_S) -> float:
    """Seconds to rest after a batch of a few: half as long as it took, so that a busy machine has fewer."""
    return max(least_s, min(took_s / 2, LONGEST_S))
