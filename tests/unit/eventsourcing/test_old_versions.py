"""What the service stored in an older version of a message is read as today's, wherever it is read again."""

import asyncio
import hashlib
import json

import httpx2
from msgspec.structs import replace

from shared.events.order import CreditLimitSet
from shared.events.payload import Command
from shared.events.upcasters import Body
from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.http import application
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.operations_api import operations_routers
from shared.eventsourcing.settings import ServiceSettings
from shared.eventsourcing.store import LogEntry
from tests.served import NO_SERVERS, an_api_key, bearer, client_of, serving
from tests.unit.eventsourcing.toy import (
    Installation,
    Instance,
    arrival,
    block,
    set_limit,
    toy_model,
    toy_view,
    translate,
    until,
)

OLGA = ApiKey(name="olga", sha256=hashlib.sha256(b"olga").hexdigest(), scopes=("*",))


def _renamed(body: Body) -> Body:
    return {"customer_id" if name == "customer" else name: value for name, value in body.items()}


UPCASTERS = {
    "order.customer-blocked.v0": _renamed,
    "order.credit-limit-set.v0": _renamed,
    "order.unblock-customer.v0": _renamed,
    "order.block-customer.v0": _renamed,
}
"""In version 0 of these messages a customer's id was called `customer`."""


def _old(wire_type: str) -> str:
    return wire_type.replace(".v1", ".v0")


def _old_body(payload: str | bytes) -> str:
    return json.dumps(
        {"customer" if name == "customer_id" else name: value for name, value in json.loads(payload).items()}
    )


def _as_old(entry: LogEntry) -> LogEntry:
    return replace(entry, type=_old(entry.type), payload=_old_body(entry.payload), message=None)


async def test_what_a_service_takes_is_told_with_its_old_versions() -> None:
    model = toy_model()
    definition = ServiceDefinition(
        model=model, topics=("order.commands",), translate=translate(model), upcasters=UPCASTERS
    )
    settings = ServiceSettings(**NO_SERVERS, api_keys=(an_api_key("olga", "olga", "*"),))

    async with serving(settings, definition) as served, client_of(served) as client:
        answer = await client.get("/operations/takes", headers=bearer("olga"))

    assert {"order.block-customer.v0", "order.block-customer.v1"} <= set(answer.json()["takes"]["order.commands"])


async def _stored_long_ago(installation: Installation, *, parked: bool = False) -> None:
    """A customer who was given a limit and blocked, with the reminder to unblock, all in version 0."""
    async with installation.pipeline(toy_model({"a"} if parked else ())) as pipeline:
        await pipeline.take([arrival(set_limit()), arrival(block())])
    tables = installation.tables
    for lane, entries in tables.log.items():
        tables.log[lane] = [_as_old(one) if one.kind == "event" else one for one in entries]
    for stream, entries in tables.stream_events.items():
        tables.stream_events[stream] = [_as_old(one) for one in entries]
    for id, reminder in tables.reminders.items():
        tables.reminders[id] = replace(reminder, type=_old(reminder.type), payload=_old_body(reminder.payload))
    for id, row in tables.parked.items():
        tables.parked[id] = replace(row, type=_old(row.type), payload=_old_body(row.payload).encode())


async def test_a_view_is_filled_from_old_facts(installation: Installation) -> None:
    await _stored_long_ago(installation)

    async with installation.running(views=(toy_view(),), upcasters=UPCASTERS):
        await until(lambda: "a" in installation.tables.views.get("customers@1", {}), seconds=30)

    assert installation.tables.views["customers@1"]["a"]["status"] == "CustomerBlocked"


async def test_an_old_intent_is_carried_out(installation: Installation) -> None:
    carried_out: list[CreditLimitSet] = []

    async def act(intent: CreditLimitSet) -> Command:
        carried_out.append(intent)
        return block(intent.customer_id)

    await _stored_long_ago(installation)
    async with installation.running(effects={CreditLimitSet: act}, upcasters=UPCASTERS):
        await until(lambda: len(carried_out) == 1, seconds=30)

    assert [(one.customer_id, one.limit) for one in carried_out] == [("a", 5)]


async def test_an_old_reminder_is_decided(installation: Installation) -> None:
    await _stored_long_ago(installation)

    async with installation.running(upcasters=UPCASTERS):
        await until(lambda: len(installation.facts()) == 3, seconds=120)

    assert installation.tables.stream_events["customer-a"][-1].type == "order.customer-unblocked.v1"
    assert installation.tables.parked == {}


async def test_an_old_parked_message_is_tried_again(installation: Installation) -> None:
    await _stored_long_ago(installation, parked=True)
    assert [one.type for one in installation.tables.parked.values()] == ["order.block-customer.v0"]

    async with installation.running(upcasters=UPCASTERS) as instance:
        assert await instance.runtime.pipeline.retry_parked("a") == 1
        assert installation.tables.stream_events["customer-a"][-1].type == "order.customer-blocked.v1"


async def test_the_state_at_a_version_is_folded_from_old_facts(installation: Installation) -> None:
    await _stored_long_ago(installation)

    async with installation.running(upcasters=UPCASTERS) as instance, _client(installation, instance) as client:
        answer = await client.get("/operations/streams/customer-a", params={"version": 2})

    assert answer.json()["state"] == {"blocked": True, "times": 1, "limit": 5}


async def test_an_old_message_without_an_upcaster_is_parked_and_not_lost(installation: Installation) -> None:
    await _stored_long_ago(installation)

    async with installation.running():
        await asyncio.sleep(120)

    [parked] = installation.tables.parked.values()
    assert (parked.key, parked.type) == ("a", "order.unblock-customer.v0")
    async with installation.running(upcasters=UPCASTERS) as instance:
        assert await instance.runtime.pipeline.retry_parked("a") == 1


def _client(installation: Installation, instance: Instance) -> httpx2.AsyncClient:
    async def ready() -> dict[str, bool]:
        return {}

    runtime = instance.runtime
    app = application(
        "order",
        operations_routers(toy_model(), installation.store(), runtime.pipeline, {}, runtime.decoder),
        api_keys=[OLGA],
        metrics=Metrics(),
        ready=ready,
        max_body_bytes=1_000,
    )
    headers = {"Authorization": "Bearer olga"}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://order", headers=headers)
