"""Which lanes a reader holds: those that its own process writes, and its share of those that are left."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shared.eventsourcing.lanes import LANES


@dataclass(frozen=True, slots=True)
class Allotment:
    """What becomes of lanes that are one's own or nobody's."""

    kept: Sequence[int]
    given_up: Sequence[int]
    taken: Sequence[int]


def allot(
    mine: Sequence[int], free: Sequence[int], near: Collection[int], others: Sequence[Collection[int]]
) -> Allotment:
    """Share the lanes out between a process and the `others` that run the reader, by the lanes that each is near.

    Lanes that two are near stay with whoever holds them.
    """
    nearer = {lane for lanes in others for lane in lanes}.difference(near)
    share = -(-(LANES - len(nearer.union(near))) // (len(others) + 1))
    held = [lane for lane in mine if lane in near]
    left = [lane for lane in mine if lane not in near and lane not in nearer]
    to_be_had = [lane for lane in free if lane in near]
    unclaimed = [lane for lane in free if lane not in near and lane not in nearer]
    kept = [*held, *left[:share]]
    return Allotment(
        kept=kept,
        given_up=[lane for lane in mine if lane not in kept],
        taken=[*to_be_had, *unclaimed[: max(0, share - len(left))]],
    )
