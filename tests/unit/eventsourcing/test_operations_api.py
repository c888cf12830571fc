"""The operations API: what an operator decides about parked messages is kept."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx2
import pytest
from msgspec import structs
from structlog.testing import capture_logs

from shared.events.order import BlockCustomer
from shared.events.registry import CONTRACT
from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.http import application
from shared.eventsourcing.messages import Record
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.operations_api import operations_routers
from shared.eventsourcing.parking import unreadable_record
from shared.eventsourcing.store import Append
from tests.unit.eventsourcing.toy import Installation, toy_model

ABOUT_O1 = (("ce_type", b"order.block-customer.v1"), ("ce_correlationid", b"O1"))
OLGA = {"Authorization": "Bearer olga"}


@pytest.fixture
async def operations(installation: Installation) -> AsyncIterator[httpx2.AsyncClient]:
    """The routes of a service that has parked one record."""

    async def ready() -> dict[str, bool]:
        return {"database": True}

    model = toy_model()
    async with installation.pipeline(model) as pipeline:
        await pipeline.take_records(
            [Record(topic="order.commands", partition=0, offset=7, key=b"key", value=b"rubbish", headers=ABOUT_O1)]
        )
        app = application(
            "order",
            operations_routers(model, installation.store(), pipeline, {}, Decoder(CONTRACT)),
            api_keys=[ApiKey(name="olga", sha256=hashlib.sha256(b"olga").hexdigest(), scopes=("*",))],
            metrics=Metrics(),
            ready=ready,
            max_body_bytes=1_000,
        )
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://order", headers=OLGA) as client:
            yield client


async def test_what_is_discarded_is_no_longer_parked_and_can_be_read_with_who_and_why(
    operations: httpx2.AsyncClient,
) -> None:
    [parked] = (await operations.get("/operations/parked")).json()["parked"]

    answer = await operations.post(f"/operations/parked/{parked['key']}/discard", json={"reason": "not ours"})

    assert answer.json() == {"discarded": 1, "left": 0, "reason": "not ours"}
    assert (await operations.get("/operations/parked")).json()["parked"] == []
    [discarded] = (await operations.get("/operations/discarded")).json()["discarded"]
    assert discarded.items() >= parked.items()
    assert (discarded["discarded_by"], discarded["discarded_because"]) == ("olga", "not ours")


async def test_only_the_messages_that_are_named_are_discarded(
    operations: httpx2.AsyncClient, installation: Installation
) -> None:
    await _park(installation, "k", 3)
    first, second, third = (await operations.get("/operations/parked", params={"key": "k"})).json()["parked"]
    named = {"reason": "not ours", "messages": [first["id"], third["id"]]}

    answer = await operations.post("/operations/parked/k/discard", json=named)
    again = await operations.post("/operations/parked/k/discard", json=named)
    of_none = await operations.post("/operations/parked/k/discard", json=named | {"messages": []})

    assert answer.json() == {"discarded": 2, "left": 1, "reason": "not ours"}
    assert again.json() == {"discarded": 0, "left": 1, "reason": "not ours"}
    assert (await operations.get("/operations/parked", params={"key": "k"})).json()["parked"] == [second]
    assert of_none.status_code == 422


async def test_parked_and_discarded_messages_are_answered_in_pages(
    operations: httpx2.AsyncClient, installation: Installation
) -> None:
    await _park(installation, "k", 3)
    [first, *others] = (await operations.get("/operations/parked", params={"payload": False})).json()["parked"]
    [one] = (await operations.get("/operations/parked", params={"limit": 1, "payload": False})).json()["parked"]
    rest = await operations.get("/operations/parked", params={"after": first["id"], "key": "k"})

    assert (one, len(others), "payload" in one) == (first, 3, False)
    assert [row["payload"] for row in rest.json()["parked"]] == ["rubbish 0", "rubbish 1", "rubbish 2"]

    await operations.post("/operations/parked/k/discard", json={"reason": "not ours"})
    [one] = (await operations.get("/operations/discarded", params={"limit": 1})).json()["discarded"]
    rest = await operations.get("/operations/discarded", params={"after": one["id"], "payload": False})
    assert [one["payload"], len(rest.json()["discarded"])] == ["rubbish 0", 2]
    assert not any("payload" in row for row in rest.json()["discarded"])


async def test_keys_that_stand_still_are_told_with_the_first_message_and_how_many_are_behind_it(
    operations: httpx2.AsyncClient, installation: Installation
) -> None:
    await _park(installation, "k", 3)

    page = await operations.get("/operations/parked/keys", params={"after": "a", "payload": False})
    bare = page.json()["keys"]
    whole = (await operations.get("/operations/parked/keys", params={"after": "a"})).json()["keys"]

    told = [(row["key"], row["waiting_behind"]) for row in bare]
    assert told == [("k", 2), ("order.commands/0/7", 0)]
    assert [row.get("payload") for row in bare] == [None, None]
    assert [row["payload"] for row in whole] == ["rubbish 0", "rubbish"]


@pytest.mark.parametrize("path", ["parked", "parked/keys", "discarded"])
async def test_a_page_with_payloads_is_a_small_one(operations: httpx2.AsyncClient, path: str) -> None:
    for asked, status in (
        ({"limit": 101}, 422),
        ({"limit": 1_001, "payload": False}, 422),
        ({"limit": 100}, 200),
        ({"limit": 1_000, "payload": False}, 200),
    ):
        assert (await operations.get(f"/operations/{path}", params=asked)).status_code == status


async def _park(installation: Installation, key: str, number_of: int) -> None:
    messages = []
    for number in range(number_of):
        value = f"rubbish {number}".encode()
        record = Record(topic="t", partition=0, offset=number, key=b"k", value=value, headers=())
        messages.append(structs.replace(unreadable_record(installation.clock, record, "no JSON"), key=key))
    async with installation.store().transaction() as transaction:
        await transaction.append(Append(recorded_at=installation.clock.now(), parked=messages))


async def test_who_tries_parked_messages_again_is_said(operations: httpx2.AsyncClient) -> None:
    [parked] = (await operations.get("/operations/parked")).json()["parked"]

    with capture_logs() as lines:
        answer = await operations.post(f"/operations/parked/{parked['key']}/retry")

    assert answer.json() == {"went_through": 0, "left": 1}
    [said] = [one for one in lines if one["event"] == "parked messages were tried again"]
    assert (said["key"], said["actor"], said["left"]) == (parked["key"], "olga", 1)


async def test_answers_are_told_with_the_ids_of_the_messages_that_they_answer(
    installation: Installation, operations: httpx2.AsyncClient
) -> None:
    first, second = sorted((installation.clock.new_id(), installation.clock.new_id()))
    async with installation.pipeline(toy_model()) as pipeline:
        for number, one in enumerate((first, second)):
            message = BlockCustomer(customer_id=f"C-{number}")
            await pipeline.submit(
                message, partition_key=f"C-{number}", actor="olga", reason="late", message_id=one
            )

    pages = [
        (await operations.get("/operations/answers", params={"limit": 1, **after})).json()["answers"]
        for after in ({}, {"after": str(first)}, {"after": str(second)})
    ]

    answer = {"outcome": "accepted", "body": {"times": 1}}
    assert pages == [[{"message_id": str(first), **answer}], [{"message_id": str(second), **answer}], []]


async def test_several_streams_are_compared_with_the_folds_of_their_facts_at_once(
    installation: Installation, operations: httpx2.AsyncClient
) -> None:
    async with installation.pipeline(toy_model()) as pipeline:
        await pipeline.submit(BlockCustomer(customer_id="C-1"), partition_key="C-1", actor="olga", reason="late")

    answer = await operations.get("/operations/folds", params={"stream": ["customer-C-1", "customer-C-2"]})

    [known, unknown] = answer.json()["folds"]
    assert (known["stream"], known["version"]) == ("customer-C-1", 1)
    assert (known["stored_version"], known["stored_state"]) == (known["version"], known["state"])
    assert unknown == {"stream": "customer-C-2", "fault": "has no stored state"}


@pytest.mark.parametrize("path", ["/operations/streams/customer-C-1", "/operations/folds?stream=customer-C-1"])
async def test_a_long_stream_is_folded_in_pages_and_others_have_their_turn_between_them(
    installation: Installation, operations: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # given a stream of many pages
    monkeypatch.setattr("shared.eventsourcing.folds.FACTS_AT_ONCE", 2)
    await _block_often(installation, 101)
    turns = count()

    async def take_turns() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    # when it is asked for while somebody else has work
    other = asyncio.create_task(take_turns())
    answer = (await operations.get(path)).json()
    other.cancel()

    # then it is told whole, and the other went on meanwhile
    told = answer.get("folds", [answer])[0]
    assert (told["version"], told["stored_version"]) == (101, 101)
    assert told["state"] == told["stored_state"]
    assert next(turns) > 40


@pytest.mark.parametrize(
    ("asked", "versions"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"version": 0}, []),
        ({"version": 2}, [1, 2]),
        ({"version": 3}, [1, 2, 3]),
        ({"version": 9}, [1, 2, 3, 4, 5]),
        ({"at": "2000-01-01T00:00:00Z"}, []),
        ({"at": "9000-01-01T00:00:00Z", "version": 4}, [1, 2, 3, 4]),
    ],
)
async def test_a_stream_of_several_pages_is_told_as_of_a_version_or_a_time(
    installation: Installation,
    operations: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    versions: list[int],
) -> None:
    monkeypatch.setattr("shared.eventsourcing.folds.FACTS_AT_ONCE", 2)
    await _block_often(installation, 5)

    answer = await operations.get("/operations/streams/customer-C-1", params=asked)

    told = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert [one["version"] for one in told["events"]] == versions
    assert (told["version"], told["state"]["times"], told["stored_version"]) == (len(versions), len(versions), 5)


@pytest.mark.parametrize("stream", ["customer-NONE", "nothing-NONE"])
async def test_an_unknown_stream_is_told_as_such(operations: httpx2.AsyncClient, stream: str) -> None:
    answer = await operations.get(f"/operations/streams/{stream}")

    assert (answer.status_code, answer.json()["detail"]) == (404, f"order has no stream {stream}")


async def test_a_fact_that_cannot_be_folded_is_named_before_anything_is_told(
    installation: Installation, operations: httpx2.AsyncClient
) -> None:
    await _block_often(installation, 3)
    facts = installation.tables.stream_events["customer-C-1"]
    facts[1] = structs.replace(facts[1], payload="{}")

    answer = await operations.get("/operations/streams/customer-C-1")
    compared = await operations.get("/operations/folds", params={"stream": "customer-C-1"})

    assert (answer.status_code, answer.json()["version"]) == (500, 2)
    assert compared.json()["folds"][0]["fault"].startswith("version 2 of customer-C-1 can't be folded")


async def _block_often(installation: Installation, times: int) -> None:
    async with installation.pipeline(toy_model()) as pipeline:
        for _ in range(times):
            await pipeline.submit(
                BlockCustomer(customer_id="C-1"), partition_key="C-1", actor="olga", reason="late"
            )


async def test_what_a_parked_record_is_about_is_told_where_that_can_be_read(
    operations: httpx2.AsyncClient,
) -> None:
    [parked] = (await operations.get("/operations/parked")).json()["parked"]

    assert parked["correlation_id"] == "O1"
