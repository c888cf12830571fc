"""The table of steps says no more than what happens: each of its arrows is walked, each of its commands sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.order.diagram import name_of, transitions
from services.order.domain.messages import DeadlinePassed
from services.order.domain.placement import PLACEMENT, Placement
from services.order.domain.saga import STEPS
from shared.events.inventory import (
    ReservationExpired,
    ReservationRefused,
    ReservationReleased,
    StockBackordered,
    StockReserved,
)
from shared.events.order import CancelOrder, OpenHold, ReleaseHold
from shared.events.payload import Payload
from shared.events.payment import AuthorisationLapsed, PaymentVoided
from shared.events.shipping import ShipmentCancellationRefused, ShipmentCancelled
from shared.events.values import Shortage
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.order.samples import (
    F1,
    F2,
    KEPT,
    NUMBER,
    PAY,
    PLACEMENT_STREAM,
    SPLIT,
    VALUE,
    WHOLE,
    after,
    authorised,
    authorising,
    captured,
    channel_order,
    confirmed,
    declined,
    delivered,
    dispatched,
    line,
    new,
    plan,
    reserving,
    shipping,
    stock_reserved,
    take,
)

CANCEL = CancelOrder(order_number=NUMBER, cause="customer")
HOLD = OpenHold(order_number=NUMBER, explanation="wait")
RELEASE = ReleaseHold(order_number=NUMBER, hold_id="H1")
SHORT = (Shortage(line_id="L2", sku="B", missing=1),)
BACKORDERED = StockBackordered(order_number=NUMBER, waiting=SHORT)
REFUSED = ReservationRefused(order_number=NUMBER, shortages=SHORT)
EXPIRED = ReservationExpired(order_number=NUMBER)
GONE = ReservationExpired(order_number=NUMBER, shortages=SHORT)
RELEASED_F2 = ReservationReleased(order_number=NUMBER, fulfilments=(F2,))
RELEASED = ReservationReleased(order_number=NUMBER, fulfilments=())
LAPSED = AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1")
LATE = authorised()
"""Where nobody waits for a payment."""
RESTATED = take(channel_order(channel_updated_at=NOON, lines=(line("L1", "C"),)))


def called_back(fulfilment_id: str) -> ShipmentCancelled:
    return ShipmentCancelled(order_number=NUMBER, fulfilment_id=fulfilment_id)


def too_late(fulfilment_id: str) -> ShipmentCancellationRefused:
    return ShipmentCancellationRefused(order_number=NUMBER, fulfilment_id=fulfilment_id)


def in_time(scenario: Scenario, **changes: Any) -> StockReserved:
    """The stock, kept for as long as was asked."""
    return stock_reserved(expires_at=placement(scenario).expires_at, **changes)


def placement(scenario: Scenario) -> Any:
    found: Placement = scenario.states.get(PLACEMENT_STREAM, PLACEMENT.initial)
    return found


def backordered(**changes: Any) -> Scenario:
    return after(reserving(allow_backorder=True, **changes), BACKORDERED)


VOIDED = PaymentVoided(order_number=NUMBER, amount=VALUE, currency="USD")
FREE: Mapping[str, Any] = {"order_discount": VALUE}
"""Worth nothing, so that nothing is to be paid."""
HELD = after(reserving(), HOLD)
HELD_FREE = after(reserving(**FREE), HOLD)
PAID_AND_HELD = after(authorising(), HOLD, authorised())
RECALLED = after(shipping(SPLIT), CANCEL)
OTHER_GOODS = (plan(9, ("L1", "A", 1)),)

ROADS: Mapping[str, Sequence[tuple[Scenario, Payload]]] = {
    "idle": [
        (new(), take()),
        (after(reserving(), CANCEL, RELEASED), stock_reserved()),
        (
            after(authorising(), CANCEL, RELEASED, PaymentVoided(order_number=NUMBER, amount=0, currency="USD")),
            LATE,
        ),
    ],
    "reserving": [
        (HELD, stock_reserved()),
        (reserving(), stock_reserved()),
        (reserving(**FREE), stock_reserved()),
        (reserving(allow_backorder=True), BACKORDERED),
        (reserving(), REFUSED),
        (reserving(), CANCEL),
        (reserving(), stock_reserved(expires_at=NOON)),
        (reserving(), LATE),
    ],
    "backordered": [
        (after(backordered(), HOLD), in_time(backordered())),
        (backordered(), in_time(backordered())),
        (backordered(**FREE), in_time(backordered(**FREE))),
        (backordered(), REFUSED),
        (backordered(), DeadlinePassed(order_number=NUMBER, step=2)),
        (backordered(), stock_reserved(expires_at=NOON)),
        (backordered(), LATE),
    ],
    "reserved": [
        (after(HELD, stock_reserved()), RELEASE),
        (after(HELD_FREE, stock_reserved()), RELEASE),
        (after(HELD, stock_reserved()), EXPIRED),
        (after(HELD, stock_reserved()), LATE),
    ],
    "authorising": [
        (after(authorising(), HOLD), authorised()),
        (authorising(), authorised()),
        (authorising(), declined()),
        (authorising(), EXPIRED),
    ],
    "awaiting_payment": [
        (after(authorising(), declined()), PAY),
        (after(authorising(), declined()), EXPIRED),
    ],
    "authorised": [
        (PAID_AND_HELD, LAPSED),
        (PAID_AND_HELD, RELEASE),
        (PAID_AND_HELD, EXPIRED),
    ],
    "shipping": [
        (confirmed(), KEPT),
        (shipping(), HOLD),
        (after(shipping(), HOLD), RELEASE),
        (shipping(), dispatched()),
        (after(shipping(), LAPSED), PAY),
        (
            after(shipping(SPLIT), CANCEL, dispatched(F1), called_back(F2), captured(F1, 800), RELEASED_F2),
            delivered(F1),
        ),
        (shipping(), stock_reserved((WHOLE[0], *OTHER_GOODS))),
        (shipping(), CANCEL),
        (after(RECALLED, too_late(F2), called_back(F1)), called_back(F2)),
    ],
    "recalling": [
        (RECALLED, dispatched(F1)),
        (RECALLED, stock_reserved((*SPLIT, *OTHER_GOODS))),
        (after(confirmed(SPLIT), EXPIRED, CANCEL, GONE), RELEASE),
        (after(RECALLED, too_late(F1)), called_back(F2)),
        (after(RECALLED, called_back(F1)), called_back(F2)),
    ],
    "undoing": [
        (after(reserving(), CANCEL), RELEASED),
        (after(reserving(), RESTATED), RELEASED),
        (after(authorising(), CANCEL, RELEASED), stock_reserved()),
    ],
}
"""By the step in which it begins: what was, and what comes."""


def walked() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where each road begins and ends, and what is sent on it."""
    for status, roads in ROADS.items():
        for number, (scenario, message) in enumerate(roads):
            before = placement(scenario).status
            assert before == status, (number, message)
            outcome = scenario.when(message, actor="ann", reason="because")
            assert outcome.events or outcome.commands, (status, number, message)
            yield before, placement(outcome.after).status, tuple(type(one).__name__ for one in outcome.commands)


def test_every_arrow_is_walked_and_no_other() -> None:
    assert {(before, after) for before, after, _ in walked() if before != after} == transitions()


def test_every_command_of_a_step_is_sent_as_it_begins_or_while_it_lasts_and_no_other() -> None:
    table = {name_of(status): {command.__name__ for command in step.sends} for status, step in STEPS.items()}
    sent: dict[str, set[str]] = {status: set() for status in table}
    for _, after_it, commands in walked():
        sent[after_it].update(commands)

    assert sent == table
