"""The operations API: what an operator decides about parked messages is kept."""

import hashlib
from collections.abc import AsyncIterator

import httpx2
import pytest
from structlog.testing import capture_logs

from shared.events.order import BlockCustomer
from shared.events.registry import CONTRACT
from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.http import application
from shared.eventsourcing.messages import Record
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.operations_api import operations_routers
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

    assert answer.json() == {"discarded": 1, "reason": "not ours"}
    assert (await operations.get("/operations/parked")).json()["parked"] == []
    [discarded] = (await operations.get("/operations/discarded")).json()["discarded"]
    assert discarded.items() >= parked.items()
    assert (discarded["discarded_by"], discarded["discarded_because"]) == ("olga", "not ours")


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


async def test_what_a_parked_record_is_about_is_told_where_that_can_be_read(
    operations: httpx2.AsyncClient,
) -> None:
    [parked] = (await operations.get("/operations/parked")).json()["parked"]

    assert parked["correlation_id"] == "O1"
