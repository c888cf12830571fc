"""The judge is judged: each fault in the outcome is found, and a good outcome has none."""

import base64
from datetime import UTC, datetime
from typing import Any

from services.order.domain.number import order_number
from tests.chaos.judge import contradictions, doubled, lost, oversold
from tests.chaos.load import Published
from tests.chaos.traffic import Load, Mischief

LOAD = Load(seed=1, rate=50, seconds=10, mischief=Mischief(poison=0.05, declined=0))


def _published() -> Published:
    published = Published(offered=LOAD.orders)
    published.note(list(LOAD.sendings(datetime(2026, 3, 2, tzinfo=UTC))))
    return published


PUBLISHED = _published()
NUMBERS = list(PUBLISHED.accepted)
CARDS = [number for number, order in PUBLISHED.accepted.items() if order.payment.kind == "card"]
PREPAID = [number for number, order in PUBLISHED.accepted.items() if order.payment.kind == "prepaid"]
GIVEN_BACK = [base64.b64encode(value).decode() for value in PUBLISHED.poison]


def _rows(**statuses: str) -> dict[str, dict[str, Any]]:
    """Every order as it is there: cancelled, unless another status is stated for its number."""
    return {
        number: {
            "order_number": number,
            "channel": order.channel,
            "channel_order_id": order.channel_order_id,
            "total": order.total,
            "status": statuses.get(number, "cancelled"),
            "holds": [],
            "fulfilments": {},
        }
        for number, order in PUBLISHED.accepted.items()
    }


PLACED = [
    {"order_number": number, "channel": order.channel, "channel_order_id": order.channel_order_id}
    for number, order in PUBLISHED.accepted.items()
]


def _effect(operation: str, number: str, amount: int = 0, key: str = "") -> dict[str, Any]:
    return {"operation": operation, "reference": number, "amount": amount, "idempotency_key": key}


def test_numbers_are_those_that_the_order_service_gives() -> None:
    assert NUMBERS[0] == order_number("chaos", PUBLISHED.accepted[NUMBERS[0]].channel_order_id)


def test_an_outcome_with_everything_in_its_place_is_good() -> None:
    card = CARDS[0]
    total = PUBLISHED.accepted[card].total
    rows = _rows(**{card: "completed"})
    gateway = [_effect("authorise", card, total, "1"), _effect("capture", card, total, "2")]
    carrier = [_effect("buy_label", f"{card}-F1", 5, "3"), _effect("hand_over", f"{card}-F1", 0, "4")]

    assert list(lost(PUBLISHED, rows, PLACED, GIVEN_BACK)) == []
    assert list(doubled(PLACED, PUBLISHED, gateway, carrier)) == []
    assert list(oversold(LOAD, PUBLISHED, rows)) == []
    assert list(contradictions(PUBLISHED, rows, GIVEN_BACK, gateway)) == []


def test_an_order_that_is_not_there_is_lost_and_so_is_poison_that_is_not_given_back() -> None:
    rows = _rows()
    del rows[NUMBERS[3]]

    found = list(lost(PUBLISHED, rows, PLACED[1:], GIVEN_BACK[1:]))

    assert len(found) == 3
    assert NUMBERS[3] in found[0]
    assert NUMBERS[0] in found[1]
    assert "not among those rejected" in found[2]


def test_what_happened_twice_is_doubled() -> None:
    card = CARDS[0]
    total = PUBLISHED.accepted[card].total
    gateway = [_effect("capture", card, total, "same"), _effect("capture", card, total, "same")]
    carrier = [_effect("buy_label", f"{card}-F1"), _effect("buy_label", f"{card}-F1")]
    carrier += [_effect("hand_over", f"{card}-F1"), _effect("hand_over", f"{card}-F1")]

    found = list(doubled([*PLACED, PLACED[3]], PUBLISHED, gateway, carrier))

    assert [line.split()[0] for line in found] == ["order", "gateway", "order", "label", "hand-over"]
    assert found[0] == f"order chaos/{PLACED[3]['channel_order_id']}: 2 times"


def test_a_label_that_was_voided_and_bought_again_is_not_doubled() -> None:
    carrier = [_effect(what, "X-F1") for what in ("buy_label", "void", "buy_label", "hand_over")]

    assert list(doubled([], PUBLISHED, [], carrier)) == []


def test_more_delivered_than_ever_came_in_is_oversold() -> None:
    found = list(oversold(LOAD, PUBLISHED, _rows(**dict.fromkeys(NUMBERS, "completed"))))

    assert found
    assert all(line.startswith("scarce-") for line in found)


def test_orders_that_contradict_what_was_sent_or_paid_are_named() -> None:
    changed, unpaid, kept, paid_twice = *CARDS[:3], PREPAID[0]
    rows = _rows(**{changed: "held", unpaid: "completed", paid_twice: "completed"})
    rows[changed]["total"] += 1
    rows["unknown"] = {**rows[changed], "order_number": "unknown"}
    order = base64.b64encode(PUBLISHED.accepted[changed].model_dump_json().encode()).decode()

    gateway = [_effect("capture", paid_twice, 7), _effect("capture", kept, 7), _effect("refund", kept, 6)]

    found = list(contradictions(PUBLISHED, rows, [*GIVEN_BACK, order], gateway))

    assert len(found) == 6
    assert "1 messages were rejected that are orders" in found[0]
    assert "unknown is there" in found[1]
    assert {line.split()[1] for line in found[2:]} == {changed, unpaid, kept, paid_twice}


def test_a_parcel_that_was_called_back_need_not_be_paid_for() -> None:
    card = CARDS[0]
    rows = _rows(**{card: "completed"})
    rows[card] |= {"fulfilments": {"F1": {"status": "delivered"}, "F2": {"status": "cancelled"}}, "charged": 7}

    assert list(contradictions(PUBLISHED, rows, GIVEN_BACK, [_effect("capture", card, 7)])) == []
    assert len(list(contradictions(PUBLISHED, rows, GIVEN_BACK, [_effect("capture", card, 8)]))) == 1


def test_money_that_was_paid_back_when_its_order_was_cancelled_is_no_contradiction() -> None:
    gateway = [_effect("capture", CARDS[0], 7), _effect("refund", CARDS[0], 7)]

    assert list(contradictions(PUBLISHED, _rows(), GIVEN_BACK, gateway)) == []
