"""Each invariant holds in a sound world; each planted fault is found and named."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oms.client import Client
from oms.commands.verify import conclude
from oms.verify.finding import Entry, Finding
from oms.verify.intake import Taken
from oms.verify.run import PAUSE_S, verify
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services
from tests.unit.oms.world import NUMBER, World, deadline, expect_found, sound_world


def test_a_sound_world_has_no_findings(services: Services) -> None:
    assert sound_world().findings(services) == []


def lost_order(world: World) -> None:
    world.taken.append(Taken("channel.orders/0/9", ("web", "W-9")))


def lost_bytes(world: World) -> None:
    world.taken.append(Taken("channel.orders/0/9", None))


def doubled_order(world: World) -> None:
    content = {"channel": "web", "channel_order_id": "W-7", "total": 1_500}
    world.record("order", "order-SO-8", "order.placed", order_number="SO-8", content=content)
    world.record("order", "order-SO-8", "order.cancelled", order_number="SO-8")
    world.consumed["notification", "order"].append(world.logs["order"][-2]["id"])


def wrong_on_hand(world: World) -> None:
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["on_hand"] = 8


def oversold(world: World) -> None:
    for _ in range(2):
        world.record(
            "inventory",
            "stock-TEA",
            "inventory.stock-allocated",
            sku="TEA",
            order_number="SO-99",
            allocations=[{"location": "EAST", "quantity": 4}],
        )
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["reserved"] = 8


def more_captured_than_authorised(world: World) -> None:
    world.gateway[1]["amount"] = 1_501


def capture_that_the_gateway_never_made(world: World) -> None:
    del world.gateway[1]


def more_refunded_than_captured(world: World) -> None:
    world.gateway.append({**world.gateway[1], "operation": "refund", "operation_id": "ref_1", "amount": 1_501})


def refund_that_the_gateway_never_made(world: World) -> None:
    world.record("payment", "payment-SO-7", "payment.refunded", order_number=NUMBER, amount=5, capture_id="cap_1")


def void(world: World, **told: Any) -> None:
    """Another authorisation, let go of both by the gateway and by the record."""
    fact = {"order_number": NUMBER, "authorisation_id": "auth_2", "currency": "USD"}
    world.record("payment", "payment-SO-7", "payment.authorised", **fact, amount=100)
    world.record("payment", "payment-SO-7", "payment.authorisation-voided", **fact, **told)
    effect = {"reference": NUMBER, "authorisation_id": "auth_2"}
    authorised = {"operation": "authorise", "operation_id": "auth_2", "idempotency_key": "k3", "amount": 100}
    voided = {"operation": "void", "operation_id": "auth_2/void", "idempotency_key": "k4", "amount": 100}
    world.gateway += [{**effect, **authorised}, {**effect, **voided}]


def void_that_leaves_a_balance(world: World) -> None:
    void(world, amount=60)


def two_effects_under_one_key(world: World) -> None:
    world.gateway[1]["idempotency_key"] = "k1"


def order_that_waits_on_nothing(world: World) -> None:
    world.place_another()


def reservation_left_behind(world: World) -> None:
    world.record(
        "inventory",
        "stock-TEA",
        "inventory.stock-allocated",
        sku="TEA",
        order_number=NUMBER,
        allocations=[{"location": "EAST", "quantity": 1}],
    )
    world.states["stock-TEA"]["state"]["shelves"]["EAST"]["reserved"] = 1


def authorisation_left_behind(world: World) -> None:
    world.authorise_at_gateway()


def label_left_at_the_carrier(world: World) -> None:
    world.buy_label("lbl_2", "SO-7-F1", key="SO-7-F1-label-1")


def gap_in_a_stream(world: World) -> None:
    world.logs["payment"][1]["version"] = 3
    world.chain("payment")


def version_twice(world: World) -> None:
    world.logs["payment"][1]["version"] = 1
    world.chain("payment")


def changed_payload(world: World) -> None:
    entry = world.logs["payment"][0]
    entry["payload"] = entry["payload"].replace("currency", "Currency")


def cut_off_lane(world: World) -> None:
    del world.logs["notification"][:]
    world.record("notification", "notice-SO-7", "notification.contact-noted")
    world.record("notification", "notice-SO-7", "notification.contact-noted")
    world.logs["notification"][0]["position"] = 7
    world.logs["notification"][1]["position"] = 8
    world.chain("notification")


def tail_cut_off(world: World) -> None:
    world.heads["payment"] = (3, "00" * 32)


def head_with_another_hash(world: World) -> None:
    world.heads["payment"] = (2, "00" * 32)


def message_not_taken(world: World) -> None:
    world.consumed["notification", "order"].clear()


def message_from_nowhere(world: World) -> None:
    world.consumed["notification", "order"].append("00000000-0000-0000-0000-00000000ffff")


def relay_that_stands(world: World) -> None:
    world.relays[1] = 0


def state_that_is_no_fold(world: World) -> None:
    world.folds["order-SO-7"] = {"version": 2, "state": {"status": "held"}}


def state_of_another_version(world: World) -> None:
    world.folds["order-SO-7"] = {"version": 1, "state": {}}


def order_that_somebody_else_said(world: World) -> None:
    world.parked["order"].append({"message_id": "", "origin": {"place": "channel.orders/0/8"}})
    world.taken += [
        Taken("channel.orders/0/8", ("web", "W-9"), "a"),
        Taken("channel.orders/0/9", ("web", "W-9"), "b"),
    ]


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (
            order_that_somebody_else_said,
            ("1 orders", "web W-9 at channel.orders/0/9", "neither an order nor rejected nor parked"),
        ),
        (lost_order, ("1 orders", "web W-9 at channel.orders/0/9", "neither an order nor rejected nor parked")),
        (lost_bytes, ("1 orders", "a message at channel.orders/0/9", "neither an order nor rejected nor parked")),
        (doubled_order, ("1 orders", "web W-7", "has the numbers SO-7, SO-8")),
        (wrong_on_hand, ("2 stock", "TEA at EAST", "on hand is 1 more than by the facts")),
        (oversold, ("2 stock", "TEA at EAST", "more has been reserved than was on hand")),
        (more_captured_than_authorised, ("3 payments", "SO-7 auth_1", "more was captured than authorised")),
        (capture_that_the_gateway_never_made, ("3 payments", "SO-7 cap_1", "not in the gateway's ledger")),
        (more_refunded_than_captured, ("3 payments", "SO-7 auth_1", "more was refunded than captured")),
        (refund_that_the_gateway_never_made, ("3 payments", NUMBER, "refunded another amount than is recorded")),
        (void_that_leaves_a_balance, ("3 payments", "SO-7 auth_2", "the ledger's authorised balance is another")),
        (two_effects_under_one_key, ("3 payments", "key k1", "more than one effect under one idempotency key")),
        (order_that_waits_on_nothing, ("4 endings", "SO-8", "waits on no hold and no deadline")),
        (reservation_left_behind, ("4 endings", NUMBER, "leaves units of TEA reserved")),
        (authorisation_left_behind, ("4 endings", NUMBER, "leaves authorisation auth_2")),
        (label_left_at_the_carrier, ("4 endings", NUMBER, "leaves label lbl_2 at the carrier")),
        (gap_in_a_stream, ("5 stream versions", "payment payment-SO-7", "version 2 is missing")),
        (version_twice, ("5 stream versions", "payment payment-SO-7", "version 1 exists twice")),
        (changed_payload, ("5 hash chains", "payment lane 1", "the hash of position 1 does not follow")),
        (cut_off_lane, ("5 hash chains", "notification lane 1", "positions 1 to 6 are missing")),
        (tail_cut_off, ("5 hash chains", "payment lane 1", "its head is not the end of its chain")),
        (head_with_another_hash, ("5 hash chains", "payment lane 1", "its head is not the end of its chain")),
        (
            message_not_taken,
            ("5 published = consumed + parked", "order to notification", "published and not taken"),
        ),
        (
            message_from_nowhere,
            ("5 published = consumed + parked", "order to notification", "is not in the store"),
        ),
        (
            relay_that_stands,
            ("5 published = consumed + parked", "order lane 1", "published nothing past"),
        ),
        (state_that_is_no_fold, ("5 state = fold of events", "order order-SO-7", "is not the fold of its facts")),
        (
            state_of_another_version,
            ("5 state = fold of events", "order order-SO-7", "not the number of its facts"),
        ),
    ],
)
def test_a_planted_fault_is_found_and_named(
    services: Services, plant: Callable[[World], None], expected: tuple[str, str, str]
) -> None:
    expect_found(services, plant, expected)


def test_one_changed_entry_is_one_finding(services: Services) -> None:
    world = sound_world()
    changed_payload(world)

    assert len(world.findings(services)) == 1


def test_a_void_that_says_what_it_differed_by_is_no_finding(services: Services) -> None:
    world = sound_world()
    void(world, amount=60, expected=100)
    assert world.findings(services) == []


def test_an_open_order_on_a_hold_or_a_deadline_is_no_finding(services: Services) -> None:
    held = sound_world()
    order_that_waits_on_nothing(held)
    hold = {"order_number": "SO-8", "hold_id": "H1", "owner": "purchasing"}
    held.record("order", "order-SO-8", "order.hold-opened", **hold)
    assert held.findings(services) == []

    held.record("order", "order-SO-8", "order.hold-released", **hold)
    held.taken = []
    held.reminders.append(deadline("2999-01-01T00:00:00Z"))
    assert held.findings(services) == []


def test_a_message_that_is_parked_is_accounted_for(services: Services) -> None:
    world = sound_world()
    lost_bytes(world)
    world.parked["order"].append({"message_id": "", "origin": {"place": "channel.orders/0/9"}})
    world.parked["notification"].append(
        {"message_id": world.consumed["notification", "order"].pop(), "origin": {}}
    )

    assert world.findings(services) == []


def test_a_message_that_a_person_dropped_is_accounted_for(services: Services) -> None:
    world = sound_world()
    lost_bytes(world)
    world.discarded["order"].append({"message_id": "", "origin": {"place": "channel.orders/0/9"}})
    world.discarded["notification"].append(
        {"message_id": world.consumed["notification", "order"].pop(), "origin": {}}
    )

    assert world.findings(services) == []


def test_a_message_that_came_again_is_accounted_for_as_its_first_is(services: Services) -> None:
    # given a channel that sent two messages twice: one waits for a person, and one was rejected
    world = sound_world()
    world.parked["order"].append({"message_id": "", "origin": {"place": "channel.orders/0/8"}})
    said_again = (Taken(f"channel.orders/0/{offset}", ("web", "W-9"), "a digest") for offset in (8, 9))
    rejected_again = (Taken(f"channel.orders/0/{offset}", ("web", "W-10"), "another") for offset in (2, 10))
    world.taken = [world.taken[0], *said_again, *rejected_again]

    # when all is looked at, then nothing is missing
    assert world.findings(services) == []


@pytest.mark.parametrize("which", ["parked", "discarded"])
def test_however_many_are_put_aside_all_are_accounted_for(services: Services, which: str) -> None:
    world = sound_world()
    lost_bytes(world)
    rows = getattr(world, which)
    rows["order"] += [{"message_id": "", "origin": {"place": f"channel.orders/1/{n}"}} for n in range(2_500)]
    rows["order"].append({"message_id": "", "origin": {"place": "channel.orders/0/9"}})
    rows["notification"] += [{"message_id": f"another-{number}", "origin": {}} for number in range(2_500)]
    rows["notification"].append({"message_id": world.consumed["notification", "order"].pop(), "origin": {}})

    assert world.findings(services) == []


def test_what_is_in_flight_at_the_first_look_and_arrives_is_no_finding(services: Services) -> None:
    world = sound_world()
    world.arriving["notification", "order"] = world.consumed.pop(("notification", "order"))

    assert not any(verdict.findings for verdict in world.verdicts(services, patience_s=30.0))


def test_what_never_arrives_is_found_however_much_else_was_in_flight_at_the_first_look(services: Services) -> None:
    world = sound_world()
    sent = [
        world.record("order", "", "inventory.reserve-stock", topic="inventory.commands", order_number=NUMBER)
        for _ in range(20)
    ]
    world.arriving["inventory", "order"] = sent[:-1]

    missing = [finding for verdict in world.verdicts(services, patience_s=PAUSE_S) for finding in verdict.findings]

    assert [(one.where, one.what) for one in missing] == [
        ("order to inventory", f"{sent[-1]} was published and not taken")
    ]


class WorkingOff:
    """A check whose suspects become one fewer at each look."""

    name = "a backlog"

    def __init__(self, suspects: int) -> None:
        self.suspects = suspects

    def see(self, entry: Entry) -> None:
        pass

    def findings(self, client: Client) -> Iterator[Finding]:
        yield from (Finding(self.name, f"message {n}", "is on its way") for n in range(self.suspects))
        self.suspects -= 1

    def checked(self) -> str:
        return "everything"


def test_patience_begins_anew_as_long_as_something_arrives(services: Services) -> None:
    sound_world().serve(services)
    looks = 4

    with Client(services.description()) as client:
        (verdict,) = verify(client, [WorkingOff(looks)], patience_s=PAUSE_S * (looks - 2))

    assert verdict.findings == ()


def test_findings_fail_the_command_and_name_themselves(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    world = sound_world()
    wrong_on_hand(world)
    verdicts = world.verdicts(services)

    assert conclude(verdicts, as_json=False) == 1
    assert "on hand is 1 more than by the facts" in capsys.readouterr().out
    assert conclude(verdicts, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["holds"] is False
    (stock,) = [check for check in document["checks"] if check["invariant"] == "2 stock"]
    assert stock["findings"] == [
        {"invariant": "2 stock", "where": "TEA at EAST", "what": "on hand is 1 more than by the facts"}
    ]


def test_a_stack_in_which_all_holds_is_exit_0(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(sound_world().verdicts(services), as_json=False) == 0
    assert "5 hash chains" in capsys.readouterr().out


def test_a_service_that_does_not_answer_is_exit_3(oms: Oms, services: Services) -> None:
    sound_world().serve(services)
    services.answer("GET", "/order/operations/lanes", {"detail": "the store does not answer"}, status=503)

    assert oms("verify") == (3, "", "oms: the order service can't work now: the store does not answer\n")
