"""What gateway, carrier and warehouse keep belongs to an order; each planted fault is found and named."""

import json
from collections.abc import Callable

import pytest

from oms.client import Client
from oms.commands.verify import conclude
from oms.verify.run import verify
from tests.unit.oms.stack import Services
from tests.unit.oms.world import NUMBER, World, deadline, expect_found, sound_world


def more_captured_and_voided_than_authorised(world: World) -> None:
    world.gateway.append({**world.gateway[0], "operation": "void", "operation_id": "void_1", "amount": 1})


def authorisation_of_another_amount(world: World) -> None:
    world.gateway[0]["amount"] = 9_999
    rest = {"operation": "void", "operation_id": "void_1", "idempotency_key": "k3", "amount": 8_499}
    world.gateway.append({**world.gateway[0], **rest})


def capture_of_another_currency(world: World) -> None:
    world.gateway[1]["currency"] = "JPY"


def authorisation_that_nobody_asked_for(world: World) -> None:
    world.authorise_at_gateway()
    world.gateway.append(
        {**world.gateway[-1], "operation": "void", "operation_id": "void_2", "idempotency_key": "k4"}
    )


def refund_of_an_order_that_the_gateway_never_heard_of(world: World) -> None:
    world.record("payment", "payment-SO-8", "payment.refunded", order_number="SO-8", amount=5, capture_id="cap_77")


def deadline_that_passed_and_nothing_happened(world: World) -> None:
    world.place_another()
    world.reminders.append(deadline("2001-01-01T00:00:00Z"))


def money_kept_of_a_cancelled_order(world: World) -> None:
    world.logs["order"][-1]["type"] = "order.cancelled.v1"
    world.chain("order")


def reservation_for_no_order(world: World) -> None:
    world.record(
        "inventory",
        "stock-TEA",
        "inventory.stock-allocated",
        sku="TEA",
        order_number="SO-99",
        allocations=[{"location": "EAST", "quantity": 1}],
    )
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["reserved"] = 1


def authorisation_of_no_order(world: World) -> None:
    world.authorise_at_gateway()
    world.gateway[-1]["reference"] = "SO-99"


def label_of_no_order(world: World) -> None:
    world.buy_label("lbl_9", "SO-99-F1", key="k9")


def label_of_an_unknown_fulfilment(world: World) -> None:
    world.buy_label("lbl_9", "SO-7-F2", key="k9")


def label_left_after_one_that_was_voided(world: World) -> None:
    parcel = {"order_number": NUMBER, "fulfilment_id": "SO-7-F2"}
    for name, label in (("bought", "lbl_2"), ("voided", "lbl_2"), ("bought", "lbl_3")):
        world.record("shipping", "shipment-SO-7-F2", f"shipping.label-{name}", **parcel, label_id=label)


def label_under_a_key_that_nobody_used(world: World) -> None:
    world.buy_label("lbl_2", "SO-7-F1", key="k9")
    world.hand_over("lbl_2", "SO-7-F1")


def two_labels_under_one_key(world: World) -> None:
    world.buy_label("lbl_2", "SO-7-F1", key="SO-7-F1-label-1")
    world.hand_over("lbl_2", "SO-7-F1")


def parcel_that_left_though_its_order_is_cancelled(world: World) -> None:
    world.place_another()
    parcel = {"order_number": "SO-8", "fulfilment_id": "SO-8-F1"}
    asked = {**parcel, "idempotency_key": "SO-8-F1-label-1"}
    world.record("shipping", "shipment-SO-8-F1", "shipping.label-requested", **asked)
    world.record("order", "order-SO-8", "order.cancelled", order_number="SO-8")
    world.buy_label("lbl_8", "SO-8-F1", key="SO-8-F1-label-1")
    world.hand_over("lbl_8", "SO-8-F1")


def charged_less_than_it_comes_to(world: World) -> None:
    world.change("payment", "payment.captured", amount=1_400)
    world.gateway[1]["amount"] = 1_400
    rest = {"operation": "void", "operation_id": "void_1", "idempotency_key": "k3", "amount": 100}
    world.gateway.append({**world.gateway[0], **rest})


def charged_for_what_was_dropped(world: World) -> None:
    dropped = world.logs["order"].pop()
    world.record("order", "order-SO-7", "order.lines-dropped", order_number=NUMBER, amount=500)
    world.record("order", "order-SO-7", "order.completed", **json.loads(dropped["payload"]))


def completion_that_states_another_charge(world: World) -> None:
    world.change("order", "order.completed", charged=1_400)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (charged_less_than_it_comes_to, ("3 charges", NUMBER, "100 less was captured than it comes to")),
        (charged_for_what_was_dropped, ("3 charges", NUMBER, "500 more was captured than it comes to")),
        (completion_that_states_another_charge, ("3 charges", NUMBER, "states another charge than was captured")),
        (
            more_captured_and_voided_than_authorised,
            ("3 payments", "SO-7 auth_1", "more was captured and voided than authorised"),
        ),
        (authorisation_of_another_amount, ("3 payments", "SO-7 auth_1", "another amount or currency than")),
        (capture_of_another_currency, ("3 payments", "SO-7 cap_1", "another amount or currency than")),
        (capture_of_another_currency, ("3 payments", "SO-7 auth_1", "is in more than one currency")),
        (authorisation_that_nobody_asked_for, ("3 payments", "SO-7 auth_2", "nobody asked for it")),
        (
            refund_of_an_order_that_the_gateway_never_heard_of,
            ("3 payments", "SO-8", "refunded another amount than is recorded"),
        ),
        (deadline_that_passed_and_nothing_happened, ("4 endings", "SO-8", "waits on no hold and no deadline")),
        (money_kept_of_a_cancelled_order, ("4 endings", NUMBER, "keeps what was captured of auth_1")),
        (reservation_for_no_order, ("4 endings", "SO-99", "is no order, and units of TEA are reserved for it")),
        (authorisation_of_no_order, ("4 endings", "SO-99", "is no order, and has authorisation auth_2")),
        (label_of_no_order, ("4 endings", "SO-99-F1", "is no shipment of an order, and has label lbl_9")),
        (
            label_of_an_unknown_fulfilment,
            ("4 endings", "SO-7-F2", "is no shipment of an order, and has label lbl_9"),
        ),
        (label_under_a_key_that_nobody_used, ("4 endings", NUMBER, "has label lbl_2 at the carrier, and nobody")),
        (label_under_a_key_that_nobody_used, ("4 endings", "SO-7-F1", "handed to the carrier more than once")),
        (two_labels_under_one_key, ("4 endings", "key SO-7-F1-label-1", "more than one effect at the carrier")),
        (
            parcel_that_left_though_its_order_is_cancelled,
            ("4 endings", "SO-8", "is cancelled, and the parcel of SO-8-F1 left"),
        ),
        (label_left_after_one_that_was_voided, ("4 endings", NUMBER, "leaves a label for SO-7-F2")),
    ],
)
def test_a_planted_fault_is_found_and_named(
    services: Services, plant: Callable[[World], None], expected: tuple[str, str, str]
) -> None:
    expect_found(services, plant, expected)


def test_an_authorisation_whose_outcome_is_not_known_yet_is_no_finding(services: Services) -> None:
    world = sound_world()
    world.place_another()
    world.reminders.append(deadline("2999-01-01T00:00:00Z"))
    asked = {"order_number": "SO-8", "idempotency_key": "k3"}
    world.record("payment", "payment-SO-8", "payment.authorisation-requested", **asked)
    world.authorise_at_gateway()
    world.gateway[-1]["reference"] = "SO-8"

    assert world.findings(services) == []


@pytest.mark.parametrize("handed_over", [False, True])
def test_a_parcel_of_which_the_record_has_only_the_question_yet_is_no_finding(
    services: Services, handed_over: bool
) -> None:
    world = sound_world()
    world.place_another()
    world.reminders.append(deadline("2999-01-01T00:00:00Z"))
    asked = {"order_number": "SO-8", "fulfilment_id": "SO-8-F1", "idempotency_key": "SO-8-F1-label-1"}
    world.record("shipping", "shipment-SO-8-F1", "shipping.label-requested", **asked)
    world.buy_label("lbl_8", "SO-8-F1", key="SO-8-F1-label-1")
    if handed_over:
        world.hand_over("lbl_8", "SO-8-F1")

    assert world.findings(services) == []


def test_an_order_is_charged_for_its_last_statement_less_what_was_dropped_of_it(services: Services) -> None:
    world = sound_world()
    order = {"order_number": NUMBER}
    placed, *rest = (entry for entry in world.logs["order"] if entry["stream"] == "order-SO-7")
    for entry in rest:
        world.logs["order"].remove(entry)
    content = json.loads(placed["payload"])["content"]
    world.record("order", "order-SO-7", "order.lines-dropped", **order, amount=700)
    world.record("order", "order-SO-7", "order.replaced", **order, content={**content, "total": 1_900})
    world.record("order", "order-SO-7", "order.lines-dropped", **order, amount=400)
    world.record("order", "order-SO-7", "order.completed", **order, charged=1_500)
    world.record("payment", "payment-SO-7", "payment.captured", **order, amount=1_500, repeated=True)

    charges = next(one for one in world.verdicts(services) if one.invariant == "3 charges")

    assert (charges.checked, charges.findings) == ("1 completed orders", ())


@pytest.mark.parametrize(
    ("missing", "payments", "endings"),
    [
        (("gateway_url",), "no gateway given", "no gateway given"),
        (("carrier_url",), "", "no carrier given"),
        (("gateway_url", "carrier_url"), "no gateway given", "no gateway and no carrier given"),
    ],
)
def test_what_is_not_checked_for_want_of_a_partners_ledger_is_said(
    services: Services,
    capsys: pytest.CaptureFixture[str],
    missing: tuple[str, ...],
    payments: str,
    endings: str,
) -> None:
    world = sound_world()
    world.serve(services)
    without = services.description().model_copy(update=dict.fromkeys(missing, ""))

    with Client(without) as client:
        verdicts = verify(client, world.checks(), patience_s=0)

    told = {verdict.invariant: verdict.not_checked for verdict in verdicts if verdict.not_checked}
    wanted = {"3 payments": payments, "4 endings": endings}
    assert told == {name: what for name, what in wanted.items() if what}
    assert conclude(verdicts, as_json=False) == 0
    assert capsys.readouterr().out.count("holds; not checked: no ") == len(told)
    assert not any(
        asked.path == f"/{one.removesuffix('_url')}/v1/ledger" for one in missing for asked in services.asked
    )


def test_what_is_reserved_by_hand_is_no_finding(services: Services) -> None:
    world = sound_world()
    reservation_for_no_order(world)
    world.serve(services)

    with Client(services.description()) as client:
        verdicts = verify(client, world.checks(reserved_by_hand=("SO-9",)), patience_s=0)

    assert not any(verdict.findings for verdict in verdicts)
