"""`oms parked` as an operator sees it: what waits, what is tried again, what is dropped."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from oms.client import SERVICES
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Services

PARKED = {
    "id": "01",
    "key": "SO-7",
    "blocking": True,
    "type": "payment.authorise-payment.v1",
    "correlation_id": "SO-7",
    "reason": "KeyError: 'card'",
    "parked_at": "2026-03-02T09:05:00+00:00",
}
BEHIND = {**PARKED, "id": "02"}
UNREADABLE = {
    **PARKED,
    "id": "03",
    "key": "payment.commands/0/9",
    "blocking": False,
    "type": "",
    "reason": "no JSON",
}
"""A record in which there is no message."""


def parked_under(asked: Mapping[str, str], body: object) -> object:
    """What waits under a key."""
    return {"parked": [one for one in (PARKED, BEHIND, UNREADABLE) if one["key"] == asked["key"]]}


def discarding(left: int) -> Callable[[object, dict[str, Any]], object]:
    """All that is named is dropped, and so many are left."""
    return lambda asked, body: {"discarded": len(body["messages"]), "left": left, "reason": body["reason"]}


def test_what_is_parked_is_listed_over_all_services_by_key_with_how_many_wait_behind(
    oms: Oms, services: Services
) -> None:
    for service in SERVICES:
        services.answer("GET", f"/{service}/operations/parked/keys", {"keys": []})
    rows = [{**PARKED, "waiting_behind": 2}, {**UNREADABLE, "waiting_behind": 0}]
    services.answer("GET", "/payment/operations/parked/keys", {"keys": rows})

    code, out, err = oms("parked", "list")

    assert (code, err) == (0, "")
    [so_7] = [line for line in out.splitlines() if "SO-7" in line]
    told = ("payment", "payment.authorise-payment.v1", "2026-03-02T09:05", "KeyError: 'card'")
    assert all(word in so_7 for word in told)
    assert so_7.split()[-1] == "2"
    assert json.loads(oms("parked", "list", "--service", "payment", "--json")[1]) == {
        "parked": [
            {"service": "payment", **PARKED, "waiting_behind": 2},
            {"service": "payment", **UNREADABLE, "waiting_behind": 0},
        ]
    }
    assert [asked.path.split("/")[1] for asked in services.asked] == [*SERVICES, "payment"]
    assert [asked.parameters["payload"] for asked in services.asked] == ["false"] * len(SERVICES) + ["true"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_keys_beyond_a_page_are_listed_too(oms: Oms, services: Services, options: tuple[str, ...]) -> None:
    keys = [{**PARKED, "key": f"SO-{number:04}", "waiting_behind": 0} for number in range(1_250)]

    def page(asked: Mapping[str, str], body: object) -> object:
        return {"keys": [one for one in keys if str(one["key"]) > asked.get("after", "")][: int(asked["limit"])]}

    services.answer("GET", "/order/operations/parked/keys", page)

    code, out, _ = oms("parked", "list", "--service", "order", *options)

    assert code == 0
    assert all(str(one["key"]) in out for one in keys)


def test_where_nothing_is_parked_the_list_says_none(oms: Oms, services: Services) -> None:
    services.answer("GET", "/order/operations/parked/keys", {"keys": []})

    assert oms("parked", "list", "--service", "order") == (0, "parked: none\n", "")


def test_parked_messages_that_go_through_are_exit_0_and_any_that_stays_is_exit_1(
    oms: Oms, services: Services
) -> None:
    services.answer("POST", "/payment/operations/parked/SO-7/retry", {"went_through": 3, "left": 0})
    assert oms("parked", "retry", "payment", "SO-7") == (0, "", "3 messages of SO-7 went through\n")

    services.answer("POST", "/payment/operations/parked/SO-7/retry", {"went_through": 1, "left": 2})
    said = "1 message of SO-7 went through, 2 left\n"
    assert oms("parked", "retry", "payment", "SO-7") == (1, "", said)
    code, out, _ = oms("parked", "retry", "payment", "SO-7", "--json")
    assert (code, json.loads(out)) == (1, {"went_through": 1, "left": 2})


def test_the_first_message_of_a_key_is_discarded_alone_and_what_is_left_is_said(
    oms: Oms, services: Services
) -> None:
    services.answer("GET", "/payment/operations/parked", parked_under)
    services.answer("POST", "/payment/operations/parked/SO-7/discard", discarding(left=1))
    decision = ("parked", "discard", "payment", "SO-7", "--reason", "cancelled by phone")

    said = "1 message of SO-7 dropped: 1 payment.authorise-payment.v1; 1 left, for `oms parked retry`\n"
    assert oms(*decision) == (0, "", said)
    assert services.asked[-1].body == {"reason": "cancelled by phone", "messages": [PARKED["id"]]}
    told = json.loads(oms(*decision, "--json")[1])
    assert told == {"discarded": 1, "left": 1, "reason": "cancelled by phone", "messages": [PARKED]}


def test_all_that_was_seen_under_a_key_is_discarded_and_nothing_that_came_later(
    oms: Oms, services: Services
) -> None:
    services.answer("GET", "/payment/operations/parked", parked_under)
    services.answer("POST", "/payment/operations/parked/SO-7/discard", discarding(left=0))

    code, _, err = oms("parked", "discard", "payment", "SO-7", "--all", "--reason", "a test")

    assert (code, err) == (0, "2 messages of SO-7 dropped: 2 payment.authorise-payment.v1\n")
    assert services.asked[-1].body == {"reason": "a test", "messages": [PARKED["id"], BEHIND["id"]]}


def test_an_unreadable_message_is_discarded_under_its_place(oms: Oms, services: Services) -> None:
    key = UNREADABLE["key"]
    services.answer("GET", "/payment/operations/parked", parked_under)
    services.answer("POST", f"/payment/operations/parked/{key}/discard", discarding(left=0))

    assert oms("parked", "discard", "payment", key, "--reason", "rubbish")[2].endswith("dropped: 1 unreadable\n")
    assert services.asked[-1].path == f"/payment/operations/parked/{key}/discard"


def test_a_discard_without_a_reason_is_wrong_usage(oms: Oms, services: Services) -> None:
    code, out, err = oms("parked", "discard", "payment", "SO-7")

    assert (code, out, services.asked) == (2, "", [])
    assert err == "oms: Missing option '--reason'.\n"


@pytest.mark.parametrize("decision", [("retry",), ("discard", "--reason", "rubbish")])
def test_a_key_under_which_nothing_is_parked_is_one_line_and_exit_1(
    oms: Oms, services: Services, decision: tuple[str, ...]
) -> None:
    services.answer("GET", "/order/operations/parked", {"parked": []})
    services.answer("POST", "/order/operations/parked/SO-8/retry", {"went_through": 0, "left": 0})
    command, *options = decision

    said = "oms: the order service has nothing parked under SO-8\n"
    assert oms("parked", command, "order", "SO-8", *options) == (1, "", said)


def test_a_service_that_does_not_exist_is_wrong_usage_and_the_others_are_named(
    oms: Oms, services: Services
) -> None:
    code, out, err = oms("parked", "retry", "warehouse", "SO-7")

    assert (code, out, services.asked, err.count("\n")) == (2, "", [], 1)
    assert all(service in err for service in SERVICES)
