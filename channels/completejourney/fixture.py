"""The stream that the channel publishes: real orders, and the mischief that channels make, from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Literal

from channels.completejourney.baskets import BasketReader, Dirt
from channels.completejourney.draws import draw
from channels.completejourney.orders import order_of, restated
from shared.events.channel import ChannelOrderReceived

Kind = Literal["order", "duplicate", "restatement", "stale"]

DUPLICATE_SHARE = 0.01
RESTATEMENT_SHARE = 0.01
STALE_SHARE = 0.005

_MOST_BETWEEN = 20
"""Mischief follows its order after at most as many others."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One message of the channel, and what it is."""

    order: ChannelOrderReceived
    kind: Kind = "order"
    """`duplicate`: the same again. `restatement`: newer, one line changed. `stale`: older, one line changed."""


class Fixture:
    """The first `count` orders of the data set with their mischief: the same for the same count and seed.

    Iterating streams the statements; a second iteration gives them again. `dirt` counts what was met in the data
    up to the statement last given.
    """

    def __init__(self, count: int, seed: int = 0, reader: BasketReader | None = None) -> None:
        self._count = count
        self._seed = seed
        self._reader = reader or BasketReader()

    @property
    def dirt(self) -> Dirt:
        return self._reader.dirt

    def __iter__(self) -> Iterator[Statement]:
        pending: list[tuple[int, int, Statement]] = []
        for place, basket in enumerate(islice(self._reader, self._count)):
            while pending and pending[0][0] <= place:
                yield pending.pop(0)[2]
            order = order_of(basket)
            yield Statement(order)
            echo = self._mischief(order, basket.basket_id)
            if echo is not None:
                after = 1 + int(draw("delay", basket.basket_id, self._seed) * _MOST_BETWEEN)
                pending.append((place + after, place, echo))
                pending.sort(key=lambda item: item[:2])
        yield from (statement for _, _, statement in pending)

    def _mischief(self, order: ChannelOrderReceived, basket_id: int) -> Statement | None:
        chance = draw("mischief", basket_id, self._seed)
        line = int(draw("line", basket_id, self._seed) * len(order.lines))
        if chance < DUPLICATE_SHARE:
            return Statement(order, "duplicate")
        if chance < DUPLICATE_SHARE + RESTATEMENT_SHARE:
            return Statement(restated(order, timedelta(minutes=30), line), "restatement")
        if chance < DUPLICATE_SHARE + RESTATEMENT_SHARE + STALE_SHARE:
            return Statement(restated(order, -timedelta(minutes=30), line), "stale")
        return None
