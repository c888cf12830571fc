"""What operators do when nobody asks them: they see to holds, and to what is parked."""

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from uuid import NAMESPACE_URL, UUID, uuid5

from services.order.domain.holds import ALARMS
from shared.events.order import CancelOrder, ReleaseHold
from shared.events.payload import Payload
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.store import ParkedMessage
from tests.simulation.acts import SHOP, holds_of
from tests.simulation.site import Site
from tests.simulation.world import World

OPERATOR = "operator"
DISCARDED = 0.3
"""The part of what may be dropped that is dropped."""


async def ask(
    world: World,
    service: str,
    message: Payload,
    key: str,
    identity: UUID,
    *,
    actor: str = OPERATOR,
    reason: str = "simulated",
    digest: bytes = b"",
) -> None:
    """Ask a service over HTTP; it has to answer."""
    reply = await world.call(
        service,
        message,
        key=key,
        correlation=key,
        actor=actor,
        reason=reason,
        message_id=identity,
        digest=digest,
    )
    if reply is None:
        world.books.find("callers are answered", key, f"{message.wire_type} was never answered")


async def see_to_parked(world: World) -> None:
    """Try again what is parked, or drop it where only somebody's wish gets lost."""
    for site in world.sites.values():
        for key in sorted({one.key for one in site.tables.parked.values()}):
            parked = [one for one in site.tables.parked.values() if one.key == key]
            dropped = list(takewhile(_may_be_dropped, parked))
            if dropped and world.random.random() < DISCARDED:
                await _discard(world, site, key, dropped[: world.random.choice((1, len(dropped)))])
            elif any(one.blocking for one in parked) and (instances := site.responsive()):
                world.note("operators", f"try {key} of {site.service} again")
                task = instances[0].process.spawn(instances[0].runtime.pipeline.retry_parked(key))
                await asyncio.wait([task], timeout=60)


async def see_to_holds(world: World) -> None:
    """Release what is held; what comes back on a hold is cancelled."""
    for number in sorted(world.books.placed):
        if number in world.books.ended:
            continue
        holds = holds_of(world, number)
        if not holds:
            continue
        seen = world.seen_to.get(number, 0)
        world.seen_to[number] = seen + 1
        identity = uuid5(NAMESPACE_URL, f"hold/{number}/{seen}")
        if seen >= 2:
            world.note("operators", f"cancel {number}")
            await ask(world, "order", CancelOrder(order_number=number), number, identity)
        for hold, reason in holds.items():
            corrected = {"city": "Boston", "street": "6 Main St"} if seen and reason not in ALARMS else {}
            world.note("operators", f"release {hold} of {number}")
            release = ReleaseHold(order_number=number, hold_id=hold, **corrected)
            await ask(world, "order", release, number, uuid5(identity, hold))


def _may_be_dropped(message: ParkedMessage) -> bool:
    """No service waits for it: it is no message, or a person or a channel asked for something."""
    asked = message.source == "http" and message.actor in (OPERATOR, SHOP)
    return asked or message.source == "channel.orders" or not message.blocking


async def _discard(world: World, site: Site, key: str, messages: Sequence[ParkedMessage]) -> None:
    """These alone: what waits behind them, or comes meanwhile, may be something that a service waits for."""
    world.note("operators", f"discard {len(messages)} of {key} of {site.service}")
    store, only = MemoryStore(site.tables, site.locks, world.clock), [one.id for one in messages]
    await store.discard_parked(key, at=world.clock.now(), actor=OPERATOR, reason="simulated", only=only)
    world.parked.discarded(site.service, only)
