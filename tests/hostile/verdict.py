"""What must be true of every input: taken as it says, or given back with its reason; once, nobody else hurt."""

import json
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from services.order.domain.messages import RefuseIntake, TakeChannelOrder
from services.order.domain.number import order_number
from services.order.translate import MOST_GIVEN_BACK
from shared.events.channel import ChannelOrderReceived, ChannelOrderRejected, RejectionCode
from shared.events.order import OrderPlaced, OrderReaffirmed, OrderReplaced, RestatementHeld, RestatementIgnored
from shared.eventsourcing.store import LogEntry
from tests.hostile.inputs import Input
from tests.hostile.world import World

CODES = frozenset(get_args(RejectionCode))
STATED = (OrderPlaced, OrderReplaced, OrderReaffirmed, RestatementHeld, RestatementIgnored)
"""What comes of an order that is taken; nothing where it says what is known already."""
REJECTED = "channel.rejected"
NOBODY = -1
"""Stands for the number of an input where none is to blame, or none can be told."""


@dataclass(slots=True)
class Verdict:
    """What became of some inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """`taken`, `again`, or the code of the refusal."""
    findings: list[tuple[int, str]] = field(default_factory=list)
    """Which of the inputs broke which promise."""

    def found(self, number: int, what: str) -> None:
        self.findings.append((number, what))


class Judge:
    """Looks at a world in which some messages were published."""

    def __init__(self, world: World, messages: Sequence[Input], places: Sequence[str]) -> None:
        self._world = world
        self._messages = messages
        self._places = places
        self._numbers = {place: number for number, place in enumerate(places)}
        self._verdict = Verdict()
        self._caused: defaultdict[str, list[LogEntry]] = defaultdict(list)
        by_id = {arrival.message_id: place for place, arrival in reversed(world.arrivals.items())}
        for log in world.tables.log.values():
            for entry in log:
                if place := by_id.get(entry.causation_id):
                    self._caused[place].append(entry)

    def verdict(self) -> Verdict:
        """Every input has one outcome, the service is whole, and nothing is left behind."""
        self._whole()
        rejections: defaultdict[str, list[ChannelOrderRejected]] = defaultdict(list)
        for record in self._world.published(REJECTED):
            rejection = ChannelOrderRejected.model_validate_json(record.value or b"")
            rejections[rejection.source].append(rejection)
        if not self._verdict.findings:
            for number, place in enumerate(self._places):
                self._one(number, place, rejections[place])
        return self._verdict

    def _whole(self) -> None:
        world, verdict = self._world, self._verdict
        if world.failure is not None:
            verdict.found(NOBODY, f"a part of the service failed: {world.failure!r}")
        for one in world.tables.parked.values():
            number = self._numbers.get(one.origin.get("place", ""), NOBODY)
            verdict.found(number, f"parked: {one.explanation}")
        relay = world.tables.readers.get("relay", {})
        for lane, log in world.tables.log.items():
            if log and relay[lane].position < len(log):
                blocking = log[relay[lane].position]
                number = next((self._numbers[p] for p, found in self._caused.items() if blocking in found), NOBODY)
                verdict.found(
                    number, f"it holds lane {lane}: {blocking.type} of {len(blocking.payload)} characters"
                )
        if world.stuck and not verdict.findings:
            verdict.found(NOBODY, "the service stands still")

    def _one(self, number: int, place: str, rejections: Sequence[ChannelOrderRejected]) -> None:
        verdict, message = self._verdict, self._messages[number]
        arrival = self._world.arrivals.get(place)
        facts = [one.message for one in self._caused[place] if isinstance(one.message, STATED)]
        if len(rejections) + len(facts) > 1:
            verdict.found(number, f"{len(rejections)} rejections and {facts}")
        elif rejections:
            verdict.outcomes[rejections[0].code] += 1
            for fault in _faults(rejections[0], message):
                verdict.found(number, fault)
        elif arrival is None or isinstance(arrival.message, RefuseIntake):
            verdict.found(number, "neither taken nor given back")
        elif isinstance(arrival.message, TakeChannelOrder):
            verdict.outcomes["taken" if facts else "again"] += 1
            if difference := _difference(message, arrival.message.order):
                verdict.found(number, f"taken as something else: {difference}")
            if not facts and f"order-{arrival.message.order_number}" not in self._world.tables.streams:
                verdict.found(number, "taken, and nothing is known of it")


def lost(world: World, orders: Sequence[ChannelOrderReceived]) -> list[str]:
    """Which good orders were not placed once, or don't go on to the reservation."""
    asked = Counter(
        one.key.decode() if one.key else ""
        for one in world.published("inventory.commands")
        if dict(one.headers)["ce_type"] == b"inventory.reserve-stock.v1"
    )
    missing = []
    for order in orders:
        number = order_number(order.channel, order.channel_order_id)
        facts = world.tables.stream_events.get(f"order-{number}", [])
        placed = [one for one in facts if isinstance(one.message, OrderPlaced)]
        if len(placed) != 1 or asked[number] != 1:
            missing.append(f"{order.channel_order_id}: placed {len(placed)}, reservations asked {asked[number]}")
    return missing


def _faults(rejection: ChannelOrderRejected, message: Input) -> list[str]:
    faults = []
    sentence = rejection.explanation
    if rejection.code not in CODES:
        faults.append(f"the code {rejection.code} is not one of the contract")
    if not sentence[:1].isupper() or not sentence.endswith(".") or not sentence.isprintable():
        faults.append(f"the explanation is no sentence: {sentence!r}")
    if b64decode(rejection.original) != (message.value or b"")[:MOST_GIVEN_BACK]:
        faults.append("the original bytes did not come back")
    return faults


def _stated(message: Input) -> Any:
    """What the body says to the plainest of parsers."""
    body = json.loads(message.value or b"", object_pairs_hook=_each_once)
    mode = dict(reversed(message.headers)).get("content-type") or b""
    return body["data"] if mode.lower().startswith(b"application/cloudevents") else body


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a name stands twice, and nobody can say which one counts"
    return dict(pairs)


def _difference(message: Input, taken: ChannelOrderReceived) -> str:
    """Where the order that was taken is not the one that was stated; empty when they say the same."""
    try:
        stated = _stated(message)
    except AssertionError as ambiguous:
        return str(ambiguous)
    return _differs(stated, taken.model_dump(mode="json"), "order")


def _differs(stated: Any, taken: Any, where: str) -> str:
    if isinstance(taken, dict) and isinstance(stated, dict):
        parts = ((name, part) for name, part in stated.items() if name in taken)
        return next(
            (fault for name, part in parts if (fault := _differs(part, taken[name], f"{where}.{name}"))), ""
        )
    if isinstance(taken, list) and isinstance(stated, list) and len(taken) == len(stated):
        pairs = enumerate(zip(stated, taken, strict=True))
        return next((fault for place, (a, b) in pairs if (fault := _differs(a, b, f"{where}.{place}"))), "")
    if type(stated) is type(taken) and (stated == taken or _same_moment(stated, taken)):
        return ""
    return f"{where} is stated as {stated!r:.200} and taken as {taken!r:.200}"


def _same_moment(stated: Any, taken: Any) -> bool:
    try:
        return datetime.fromisoformat(stated.upper()) == datetime.fromisoformat(taken)
    except (AttributeError, TypeError, ValueError):
        return False
