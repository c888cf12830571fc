"""A driver that runs a shop through public doors alone: Kafka, HTTP, the simulators' books, `oms verify`."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

import httpx2
import pytest

from channels.publishing import IntakeMessage
from deploy.local.components import service
from deploy.local.description import Description
from deploy.local.identity import load_identity
from deploy.local.stack import Stack
from oms.audit import Step, audit
from oms.client import SERVICES, Client, Json, NotFound
from oms.errors import OmsError
from oms.verify.logs import Logs
from oms.verify.run import all_checks, verify
from oms.verify.service_topics import ServiceTopics
from oms.verify.topics import Stretch
from shared.events.channel import ChannelOrderReceived
from tests.e2e.kafka import Headers, Message, publish_bytes, publish_orders, read_topic
from tests.e2e.orders import an_order, fresh, number_of

T = TypeVar("T")

PATIENCE_S = 60.0
"""How long anything may take; machines that run tests are slow at times."""
PAUSES_S = (0.05, 0.4)
"""Between two looks, first and longest: who looks all the time keeps others from their work."""
INTAKE = "channel.orders"
STREAMS = 25
"""Of each service, folded anew at each verification."""


class Shop:
    """One running stack, and what customers, partners and staff do with it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = Client(stack.description)
        self._strewn: set[str] = set()
        """Places on inner topics that a test published to."""
        self.read_anew()
        self.http = httpx2.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        self.client.__exit__(None, None, None)
        self.http.close()

    # Doors

    def publish(self, *orders: ChannelOrderReceived) -> list[str]:
        """Publish orders to the intake topic; returns their numbers."""
        kafka, prefix = self.client.stack.kafka, self.client.stack.topic_prefix
        asyncio.run(publish_orders(kafka, prefix, orders))
        return [number_of(order) for order in orders]

    def order(self, *lines: Any, **changes: Any) -> str:
        """Publish one order; returns its number."""
        return self.publish(an_order(*lines, **changes))[0]

    def publish_bytes(
        self,
        value: bytes | None,
        headers: Headers = (),
        *,
        topic: str = INTAKE,
        key: bytes | None = None,
    ) -> str:
        """Publish a record as it is; returns its place."""
        kafka, prefix = self.client.stack.kafka, self.client.stack.topic_prefix
        place = asyncio.run(publish_bytes(kafka, prefix, topic, value, headers, key))
        if topic != INTAKE:
            self._strewn.add(place)
        return place

    def publish_message(self, message: IntakeMessage, *, key: bytes) -> str:
        """Publish the message of an order under another key than its own; returns the order's number."""
        self.publish_bytes(message.value, message.headers, key=key)
        return number_of(ChannelOrderReceived.model_validate_json(message.value))

    def topic(self, name: str) -> list[Message]:
        """Everything in a topic."""
        return asyncio.run(read_topic(self.client.stack.kafka, self.client.stack.topic_prefix, name))

    def ask(self, method: str, of: str, path: str, *, key: str | None = None, **given: Any) -> httpx2.Response:
        """A request to a service as anybody may make it; under the operator's key unless another is given."""
        headers = {**given.pop("headers", {})}
        token = self.client.stack.operator_key if key is None else key
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(method, self.client.stack.services[of] + path, headers=headers, **given)

    def decide(self, number: str, what: str, **body: Any) -> Json:
        """What a person decides about an order."""
        return self.client.post("order", f"/orders/{number}/{what}", {"reason": "the test wants it", **body})

    # Stock

    def sku(self, **units: int) -> str:
        """A SKU of its own, with units at locations: `sku(EAST=10)` is ten at WH-EAST."""
        sku = fresh("sku")
        for location, quantity in units.items():
            self.receive(sku, location, quantity)
        return sku

    def receive(self, sku: str, location: str, quantity: int) -> None:
        body = {"location": f"WH-{location}", "quantity": quantity}
        self.client.post("inventory", f"/stock/{sku}/receive", body)

    def stock(self, sku: str) -> tuple[int, int]:
        """Units on hand and reserved, over all locations, by the stream itself: a view may lag behind."""
        state = self.client.get("inventory", f"/operations/streams/stock-{sku}")["stored_state"]
        shelves = state["shelves"].values()
        return sum(shelf["on_hand"] for shelf in shelves), sum(shelf["reserved"] for shelf in shelves)

    # Questions

    def find(self, number: str) -> Json | None:
        """An order as a person sees it; None when there is none yet."""
        try:
            return self.client.get("order", f"/orders/{number}")
        except NotFound:
            return None

    def payment(self, number: str) -> Json:
        return self.client.get("payment", f"/payments/{number}")

    def shipments(self, number: str) -> list[Json]:
        found: list[Json] = self.client.get("shipping", "/shipments", order_number=number)["shipments"]
        return sorted(found, key=lambda one: str(one["fulfilment_id"]))

    def notices(self, number: str) -> list[Json]:
        found: list[Json] = self.client.get("notification", "/notices", order_number=number)["notices"]
        return found

    def mails(self, order: ChannelOrderReceived) -> list[Json]:
        """The mails that the customer of an order got."""
        found: list[Json] = self.client.simulator("mailbox", "/mails", to=order.customer.email)["mails"]
        return found

    def steps(self, number: str) -> list[Step]:
        """All that the services recorded about an order, in causal order."""
        return audit(self.client, number)

    def facts(self, number: str) -> list[str]:
        """The names of all facts about an order, in causal order."""
        return [step.type.rpartition(".")[0] for step in self.steps(number) if step.kind == "event"]

    def gateway_effects(self, number: str) -> list[tuple[str, int]]:
        """What the gateway's own ledger says of an order: operations and amounts, in their order."""
        return [
            (effect["operation"], effect["amount"])
            for effect in self.client.effects("gateway")
            if effect["reference"] == number
        ]

    def carrier_effects(self, number: str) -> list[str]:
        """What the carrier's own ledger says of an order's parcels."""
        return [
            effect["operation"]
            for effect in self.client.effects("carrier")
            if effect["reference"].startswith(number)
        ]

    def rejections(self) -> list[Message]:
        """Everything on the topic of what could not be taken."""
        return self.topic("channel.rejected")

    # Waiting

    def wait(self, number: str, *statuses: str, seconds: float = PATIENCE_S) -> Json:
        """Wait until an order has one of the statuses; the order as it is then."""

        def there() -> Json | None:
            row = self.find(number)
            return row if row is not None and row["status"] in statuses else None

        return self.until(there, f"order {number} to be {' or '.join(statuses)}", seconds, number)

    def wait_all(self, numbers: Sequence[str], *statuses: str, seconds: float = PATIENCE_S) -> list[Json]:
        """Wait until every one of several orders has one of the statuses."""
        return [self.wait(number, *statuses, seconds=seconds) for number in numbers]

    def wait_for_fact(self, number: str, *names: str, seconds: float = PATIENCE_S) -> list[str]:
        """Wait until all these facts are recorded about an order; the facts as they are then."""

        def there() -> list[str] | None:
            facts = self.facts(number)
            return facts if set(names) <= set(facts) else None

        return self.until(there, f"{', '.join(names)} of {number}", seconds, number)

    def wait_for_hold(self, number: str, reason: str, seconds: float = PATIENCE_S) -> Json:
        """Wait until an order has an open hold with this reason; the hold."""

        def there() -> Json | None:
            row = self.find(number)
            return next((one for one in (row or {}).get("holds", ()) if one["reason"] == reason), None)

        return self.until(there, f"hold {reason} on {number}", seconds, number)

    def until(self, there: Callable[[], T | None], what: str, seconds: float = PATIENCE_S, number: str = "") -> T:
        """Poll until there is something true; fail with what is known when the time is over."""
        deadline = time.monotonic() + seconds
        pause = PAUSES_S[0]
        while True:
            trouble = ""
            try:
                if found := there():
                    return found
            except OmsError as error:
                trouble = f": {error}"
            if time.monotonic() > deadline:
                self._give_up(f"waited {seconds:.0f} s for {what}{trouble}", number)
            time.sleep(pause)
            pause = min(pause * 1.5, PAUSES_S[1])

    def _give_up(self, why: str, number: str) -> NoReturn:
        lines = [why]
        if number:
            try:
                lines.append(f"order: {self.find(number)}")
                lines += (
                    f"{step.recorded_at:%H:%M:%S.%f} {step.service:12} {'  ' * step.depth}{step.type} "
                    f"{step.actor} {step.reason}"
                    for step in self.steps(number)
                )
            except OmsError as error:
                lines.append(str(error))
        pytest.fail("\n".join(lines), pytrace=False)

    # What must be true

    def verify(self) -> None:
        """Everything that must stay true is true; what was read before is not read again."""
        verdicts = verify(self.client, self._checks, logs=self._logs, patience_s=PATIENCE_S)
        found = [finding for verdict in verdicts for finding in verdict.findings]
        assert not found, "\n".join(map(str, found))

    def read_anew(self) -> None:
        """Let the next `verify` read logs and topics from their beginning."""
        self._checks, self._logs = all_checks(STREAMS, topics=_ButFor(self._strewn)), Logs()

    def expect_nothing_left(self, number: str, sku: str, units: int) -> None:
        """The order is cancelled: its stock is back, nothing stays set aside, and no label stands."""
        self.wait(number, "cancelled")
        self.until(lambda: self.stock(sku) == (units, 0), f"{sku} to be given back", number=number)
        effects = self.gateway_effects(number)
        amounts = dict(effects)
        assert len(effects) == len(amounts), f"something was done twice: {effects}"
        assert "capture" not in amounts
        assert amounts.get("authorise") == amounts.get("void")
        parcels = self.carrier_effects(number)
        assert "hand_over" not in parcels
        assert parcels.count("buy_label") == parcels.count("void")

    # Trouble

    def switch(self, simulator: str, mode: str, **given: Any) -> None:
        """Put a whole simulator into a mode until it is put back to `up`."""
        known = self.client.stack
        url = {"gateway": known.gateway_url, "carrier": known.carrier_url, "mailbox": known.mailbox_url}[simulator]
        key = {"gateway": known.gateway_key, "carrier": known.carrier_key}.get(simulator)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = self.http.post(f"{url}/control/faults", json={"mode": mode, **given}, headers=headers)
        answer.raise_for_status()

    @contextmanager
    def trouble(self, simulator: str, mode: str, **given: Any) -> Iterator[None]:
        """A simulator in a mode, for a while."""
        self.switch(simulator, mode, **given)
        try:
            yield
        finally:
            self.switch(simulator, "up")

    def hand_over(self, fulfilment: str) -> None:
        """Give a labelled parcel to the carrier without telling the shipping service."""
        url, headers = self.client.stack.carrier_url, {"Authorization": f"Bearer {self.client.stack.carrier_key}"}
        [label] = self.client.simulator("carrier", "/v1/labels", reference=fulfilment)["labels"]
        self.http.post(f"{url}/v1/labels/{label['id']}/handover", headers=headers).raise_for_status()

    def webhook_secret(self, of: str) -> str:
        return load_identity(self.stack.state).webhook_secret(of)

    def terminate(self, name: str, seconds: float = PATIENCE_S) -> int | None:
        """SIGTERM a process and wait for its end; its exit code."""
        pids = {row.name: row.pid for row in self.stack.status()}
        pid = pids[name]
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGTERM)
        return self.stack.wait(name, seconds)

    def add_instances(self, suffix: str, settings: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        """Start one more instance of every service, which holds its lanes under its name; their names."""
        instances = []
        for of in SERVICES:
            name = f"{of}-{suffix}"
            instances.append(service(of, name=name, environment={**settings[of], "OMS_INSTANCE": name}))
        self.stack.add(*instances)
        self.client.stack = self.stack.description
        return tuple(instance.name for instance in instances)

    @contextmanager
    def set(self, of: str, environment: Mapping[str, str]) -> Iterator[None]:
        """A service with other settings for a while."""
        self.stack.restart(of, environment)
        try:
            yield
        finally:
            self.stack.restart(of)


class _ButFor:
    """The topics without what a test strewed there, which no store has."""

    def __init__(self, strewn: set[str]) -> None:
        self._strewn = strewn
        self._topics = ServiceTopics()

    def read(self, stack: Description, see: Callable[[Stretch], None]) -> None:
        def see_ours(stretch: Stretch) -> None:
            see(replace(stretch, records=[one for one in stretch.records if one.place not in self._strewn]))

        self._topics.read(stack, see_ours)
