"""What can be asked about shipments follows their facts."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.shipping.views import PICK_LISTS, SHIPMENTS
from shared.events.payload import Event
from shared.events.shipping import DeliveryDelayed, ShipmentExceptionRaised
from shared.eventsourcing.testing import NOON
from shared.eventsourcing.views import Fact, Row, View
from tests.unit.shipping.road import (
    ELSEWHERE,
    FULFILMENT,
    HOME,
    LINES,
    ORDER,
    PROMISE,
    ROAD,
    STREAM,
    WHO,
    cancellation_requested,
    cancelled,
    collect_requested,
    collected,
    delivered,
    dispatched,
    held,
    label_bought,
    label_requested,
    packed,
    pick_list,
    picked,
    rate_chosen,
    refused,
    requested,
    resumed,
    tracking,
    void_requested,
    voided,
)

LINE_ROWS = [line.model_dump() for line in LINES]


def row_of(view: View, *events: Event) -> dict[str, Any] | None:
    """The row after these facts, fed to the view as the runtime does."""
    row: Row | None = None
    for position, event in enumerate(events):
        if type(event) not in view.handles:
            continue
        fact = Fact(
            event=event,
            id=UUID(int=position),
            stream=STREAM,
            version=position,
            lane=0,
            position=position,
            partition_key=ORDER,
            correlation_id=ORDER,
            actor="system",
            reason="",
            occurred_at=NOON,
            recorded_at=NOON,
        )
        assert view.keys(event) == (FULFILMENT,)
        row = view.project(FULFILMENT, row, fact)
    return None if row is None else dict(row)


def shipment(*events: Event) -> dict[str, Any]:
    row = row_of(SHIPMENTS, *events)
    assert row is not None
    return row


HOUR = timedelta(hours=1)
LABELLED = (requested, rate_chosen, pick_list, picked, packed, label_requested(), label_bought())


def raised(at: datetime) -> ShipmentExceptionRaised:
    return ShipmentExceptionRaised(**WHO, explanation="nobody at home", occurred_at=at)


def test_a_shipment_shows_where_it_stands_at_every_step() -> None:
    past: list[Event] = []
    shown = []
    for events in ROAD.values():
        past += events
        shown.append(shipment(*past)["status"])
    assert shown == list(ROAD)


def test_a_delivered_shipment_shows_all_that_is_known_of_it() -> None:
    facts = (*LABELLED, dispatched(), tracking("in_transit"), tracking("delivered"), delivered())
    assert shipment(*facts) == {
        "fulfilment_id": FULFILMENT,
        "order_number": ORDER,
        "status": "delivered",
        "held": False,
        "location": "WH-EAST",
        "delivery": "ship",
        "address": HOME.model_dump(),
        "lines": LINE_ROWS,
        "weight_grams": 2300,
        "deliver_by": PROMISE.isoformat(),
        "carrier_service": "standard",
        "cost": {"amount": 1010, "currency": "USD"},
        "tracking_number": "CR1",
        "tracking_status": "delivered",
        "estimated_delivery": PROMISE.isoformat(),
        "estimate_made_at": None,
        "delivered_at": NOON.isoformat(),
        "refusal": "",
        "exception": "",
        "exception_at": None,
        "has_exception": "no",
        "changed_at": NOON.isoformat(),
    }


def test_late_tracking_never_leads_back() -> None:
    way = (*LABELLED, dispatched(), tracking("out_for_delivery"), tracking("accepted"), tracking("delayed"))
    assert shipment(*way)["tracking_status"] == "out_for_delivery"


def test_tracking_of_another_parcel_shows_nothing() -> None:
    row = shipment(*LABELLED, dispatched(), tracking("in_transit", tracking_number="CR999"))
    assert row["tracking_status"] == ""


def test_a_delay_and_an_exception_are_shown_until_the_delivery() -> None:
    later = PROMISE + timedelta(days=2)
    trouble = (
        DeliveryDelayed(**WHO, estimated_delivery=later),
        ShipmentExceptionRaised(**WHO, explanation="nobody at home"),
    )
    on_its_way = shipment(*LABELLED, dispatched(), *trouble)
    assert (on_its_way["estimated_delivery"], on_its_way["exception"]) == (later.isoformat(), "nobody at home")
    assert shipment(*LABELLED, dispatched(), *trouble, delivered())["exception"] == ""


def test_an_exception_is_shown_until_the_parcel_moves_on() -> None:
    wrong = (tracking("exception", NOON), raised(NOON))
    earlier, later = tracking("in_transit", NOON - HOUR), tracking("out_for_delivery", NOON + HOUR)
    late = shipment(*LABELLED, dispatched(), *wrong, earlier)
    assert (late["exception"], late["exception_at"]) == ("nobody at home", NOON.isoformat())
    recovered = shipment(*LABELLED, dispatched(), *wrong, later)
    assert (recovered["exception"], recovered["exception_at"]) == ("", None)


def test_a_parcel_that_moves_though_it_was_cancelled_can_be_asked_for() -> None:
    row = shipment(requested, cancelled, tracking("in_transit"), raised(NOON), tracking("delivered", NOON + HOUR))
    assert (row["status"], row["exception"], row["has_exception"]) == ("cancelled", "nobody at home", "yes")


def test_the_newest_estimate_of_the_carrier_is_shown_whenever_it_comes() -> None:
    better, worse = PROMISE + timedelta(days=1), PROMISE + timedelta(days=5)
    first = (
        tracking("delayed", NOON, estimated_delivery=worse),
        DeliveryDelayed(**WHO, estimated_delivery=worse),
    )
    second = tracking("in_transit", NOON + HOUR, estimated_delivery=better)
    for facts in ((*first, second), (second, first[0])):
        row = shipment(*LABELLED, dispatched(), *facts)
        found = row["estimated_delivery"], row["estimate_made_at"]
        assert found == (better.isoformat(), (NOON + HOUR).isoformat())


def test_a_parcel_that_is_rated_anew_stays_packed() -> None:
    express = rate_chosen.model_copy(update={"service": "express"})
    row = shipment(*LABELLED[:-2], held, resumed(ELSEWHERE), express)
    assert (row["status"], row["carrier_service"]) == ("packed", "express")


def test_a_hold_is_shown_beside_the_status() -> None:
    on_hold = shipment(requested, held)
    assert (on_hold["status"], on_hold["held"]) == ("requested", True)
    gone_on = shipment(requested, held, resumed(ELSEWHERE))
    assert (gone_on["held"], gone_on["address"]) == (False, ELSEWHERE.model_dump())


def test_a_hold_before_the_request_is_shown() -> None:
    on_hold = shipment(held)
    assert (on_hold["status"], on_hold["held"]) == ("unknown", True)
    assert (shipment(held, requested)["status"], shipment(held, requested)["held"]) == ("requested", True)


def test_a_refusal_is_shown_until_work_goes_on() -> None:
    row = shipment(*LABELLED[:-1], refused)
    assert (row["status"], row["refusal"]) == ("refused", "address_refused: not served")
    after = shipment(*LABELLED[:-1], refused, resumed())
    assert (after["status"], after["refusal"]) == ("packed", "")
    assert shipment(requested, refused, resumed())["status"] == "requested"


def test_a_label_that_is_replaced_shows_the_new_one() -> None:
    taken_back = (*LABELLED, held, resumed(ELSEWHERE), void_requested())
    assert shipment(*taken_back)["status"] == "voiding"
    without = shipment(*taken_back, voided())
    assert (without["status"], without["tracking_number"], without["cost"]) == ("packed", "", None)
    replaced = shipment(*taken_back, voided(), label_requested(2), label_bought(2))
    assert (replaced["status"], replaced["tracking_number"]) == ("labelled", "CR2")


def test_a_cancellation_under_way_is_shown_until_it_is_answered() -> None:
    asked = (*LABELLED[:-1], held, cancellation_requested)
    assert (shipment(*asked)["status"], shipment(*asked)["held"]) == ("cancelling", False)
    for step in range(1, 5):
        more = (label_requested(asked=2), label_bought(), void_requested(), voided())[:step]
        assert shipment(*asked, *more)["status"] == "cancelling"
    assert shipment(*asked, cancelled)["status"] == "cancelled"


def test_a_cancellation_before_the_request_is_shown() -> None:
    assert shipment(cancelled)["status"] == "cancelled"


def test_what_is_collected_has_no_carrier() -> None:
    row = shipment(collect_requested, pick_list, picked, packed, collected, delivered())
    assert (row["delivery"], row["tracking_number"], row["estimated_delivery"]) == ("collect", "", None)


def test_a_pick_list_is_open_until_its_goods_are_picked() -> None:
    assert row_of(PICK_LISTS, requested, rate_chosen, pick_list) == {
        "fulfilment_id": FULFILMENT,
        "order_number": ORDER,
        "location": "WH-EAST",
        "lines": LINE_ROWS,
        "held": False,
        "issued_at": NOON.isoformat(),
    }
    assert row_of(PICK_LISTS, pick_list, picked) is None


def test_a_pick_list_is_marked_while_it_is_held_and_gone_when_it_is_cancelled() -> None:
    on_hold = row_of(PICK_LISTS, pick_list, held)
    assert on_hold is not None
    assert on_hold["held"] is True
    assert row_of(PICK_LISTS, pick_list, held, resumed()) == row_of(PICK_LISTS, pick_list)
    assert row_of(PICK_LISTS, pick_list, cancelled) is None


def test_a_hold_without_a_pick_list_makes_none() -> None:
    assert row_of(PICK_LISTS, requested, held, resumed(), cancelled) is None
