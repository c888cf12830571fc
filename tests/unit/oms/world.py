"""Five services' logs, states and ledgers as one sound world, in which a test plants a fault."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deploy.local.description import Description
from oms.client import SERVICES, Client
from oms.verify.finding import Check, Finding
from oms.verify.intake import Taken
from oms.verify.run import Verdict, all_checks, verify
from shared.events.cloudevents import Metadata, headers_of, source_of
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.chain import GENESIS, entry_hash
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.memory.broker import Cluster
from tests.memory_topics import MemoryTopics
from tests.unit.oms.stack import Services

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NUMBER = "SO-7"
CAUSE = str(UUID(int=1))
"""The message that caused all of it."""


class World:
    """What each service would answer; `record` appends to a log as the runtime does, a test breaks what it can."""

    def __init__(self) -> None:
        self.logs: dict[str, list[dict[str, Any]]] = {service: [] for service in SERVICES}
        self.heads: dict[str, tuple[int, str]] = {}
        """Head and chain hash of lanes that do not end where their log does."""
        self.consumed: dict[tuple[str, str], list[str]] = defaultdict(list)
        """Consumer and producer to message ids."""
        self.arriving: dict[tuple[str, str], list[str]] = {}
        """The same, of what is taken just after it was asked for."""
        self.parked: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.discarded: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.takes: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self.states: dict[str, dict[str, Any]] = {}
        """Stored state of each stream."""
        self.folds: dict[str, dict[str, Any]] = {}
        self.reminders: list[dict[str, Any]] = []
        self.relays: dict[int, int] = {}
        """Positions of relays that do not stand at the end of their lane."""
        self.gone: set[int] = set()
        """Lanes that no service has."""
        self.unpublished: set[int] = set()
        """Lanes without a relay."""
        self.gateway: list[dict[str, Any]] = []
        self.carrier: list[dict[str, Any]] = []
        self.taken: list[Taken] = []
        self.cluster = Cluster()
        """The topics."""
        self.answers: list[dict[str, Any]] = []
        """What the order service answered over HTTP."""

    def news(self, stack: Description) -> list[Taken]:
        """Implements `Intake`."""
        found, self.taken = self.taken, []
        return found

    def record(self, service: str, stream: str, type: str, topic: str = "", **fact: Any) -> str:
        """Append a fact (or a command, where there is no stream) to lane 1, and publish it; returns its id."""
        log = self.logs[service]
        version = sum(entry["stream"] == stream for entry in log) + 1 if stream else 0
        entry = {
            "id": str(UUID(int=(SERVICES.index(service) + 1) * 1_000 + len(log))),
            "kind": "event" if stream else "command",
            "type": f"{type}.v1",
            "topic": topic or f"{service}.events",
            "stream": stream,
            "version": version,
            "lane": 1,
            "position": len(log) + 1,
            "partition_key": NUMBER,
            "correlation_id": NUMBER,
            "causation_id": CAUSE,
            "actor": "system",
            "reason": "",
            "occurred_at": NOON.isoformat(),
            "recorded_at": NOON.isoformat(),
            "payload": json.dumps(fact),
        }
        log.append(entry)
        self.chain(service)
        self.publish(service, entry)
        if stream:
            self.states.setdefault(stream, {"version": 0, "state": {}})["version"] = version
        return str(entry["id"])

    def publish(self, service: str, entry: Mapping[str, Any], **otherwise: Any) -> None:
        """Publish an entry as a relay does, or with something in it that is otherwise."""
        told = {**entry, **otherwise}
        metadata = Metadata(
            id=told["id"],
            source=source_of(service),
            type=told["type"],
            sequence=f"{entry['lane']}:{told['position']}",
        )
        self.cluster.append(
            Outgoing(topic=told["topic"], lane=told["lane"], key=b"", value=b"{}", headers=headers_of(metadata))
        )

    def place_another(self) -> None:
        """Another order, SO-8, of which nothing else is known."""
        content = {"channel": "web", "channel_order_id": "W-8", "total": 1_500}
        placed = self.record("order", "order-SO-8", "order.placed", order_number="SO-8", content=content)
        self.consumed["notification", "order"].append(placed)

    def receive(self, units: int) -> None:
        """More tea comes in, and is booked as it should be."""
        self.record(
            "inventory", "stock-TEA", "inventory.stock-received", sku="TEA", location="EAST", quantity=units
        )
        self.states["stock-TEA"]["state"]["shelves"]["EAST"]["on_hand"] += units

    def authorise_at_gateway(self) -> None:
        """A second authorisation of SO-7, that only the gateway knows of."""
        effect = {"operation_id": "auth_2", "authorisation_id": "auth_2", "idempotency_key": "k3"}
        self.gateway.append(
            {"operation": "authorise", **effect, "reference": NUMBER, "amount": 100, "currency": "USD"}
        )

    def buy_label(self, label: str, fulfilment: str, key: str) -> None:
        """The carrier sells a label."""
        self._at_carrier("buy_label", label, fulfilment, key)

    def hand_over(self, label: str, fulfilment: str) -> None:
        """The carrier takes a parcel."""
        self._at_carrier("hand_over", label, fulfilment, f"{label}-handover")

    def change(self, service: str, type: str, **fact: Any) -> None:
        """State something else in the facts of one type."""
        for entry in self.logs[service]:
            if entry["type"] == f"{type}.v1":
                entry["payload"] = json.dumps({**json.loads(entry["payload"]), **fact})
        self.chain(service)

    def chain(self, service: str) -> None:
        """Hash a log anew from its beginning."""
        previous = GENESIS
        for entry in self.logs[service]:
            columns: dict[str, Any] = {name: entry[name] for name in entry if name != "hash"}
            for name in ("occurred_at", "recorded_at"):
                columns[name] = datetime.fromisoformat(columns[name])
            previous = entry_hash(previous, **columns)
            entry["hash"] = previous.hex()

    def serve(self, services: Services) -> None:
        for service in SERVICES:
            self._serve_log(services, service)
            self._serve_streams(services, service)
        services.answer("GET", "/gateway/v1/ledger", lambda asked, _: _effects(self.gateway, asked))
        services.answer("GET", "/carrier/v1/ledger", lambda asked, _: _effects(self.carrier, asked))

    def findings(self, services: Services) -> list[Finding]:
        """Serve this world and verify it."""
        return [finding for verdict in self.verdicts(services) for finding in verdict.findings]

    def verdicts(self, services: Services, patience_s: float = 0.0) -> list[Verdict]:
        """Serve this world and verify it; `patience_s` for what is in flight."""
        self.serve(services)
        with Client(services.description()) as client:
            return verify(client, self.checks(), patience_s=patience_s)

    def checks(self, **given: Any) -> tuple[Check, ...]:
        """All of them, on the intake and the topics of this world."""
        return all_checks(intake=self, topics=MemoryTopics(self.cluster), **given)

    def _at_carrier(self, operation: str, label: str, fulfilment: str, key: str) -> None:
        effect = {"operation": operation, "label_id": label, "reference": fulfilment, "idempotency_key": key}
        self.carrier.append(effect)

    def _serve_log(self, services: Services, service: str) -> None:
        def operations(name: str, answer: Any) -> None:
            services.answer("GET", f"/{service}/operations/{name}", answer)

        def head(lane: int) -> tuple[int, str]:
            log = self.logs[service] if lane == 1 else []
            end = (log[-1]["position"], log[-1]["hash"]) if log else (0, GENESIS.hex())
            return self.heads.get(service, end) if lane == 1 else end

        def lanes(asked: Any, body: Any) -> Any:
            heads = {lane: head(lane) for lane in range(LANES) if lane not in self.gone}
            return {
                "lanes": [
                    {"lane": lane, "head": head, "chain_hash": chain_hash}
                    for lane, (head, chain_hash) in heads.items()
                ]
            }

        def lag(asked: Any, body: Any) -> Any:
            heads = {lane: head(lane)[0] for lane in range(LANES) if lane not in self.unpublished}
            return {
                "readers": [
                    {"reader": "relay", "lane": lane, "position": self.relays.get(lane, head), "head": head}
                    for lane, head in heads.items()
                ]
            }

        def chain(asked: Any, body: Any) -> Any:
            after, limit = int(asked["after"]), int(asked["limit"])
            log = self.logs[service] if asked["lane"] == "1" else []
            return {"entries": [entry for entry in log if entry["position"] > after][:limit]}

        def consumed(asked: Any, body: Any) -> Any:
            producer = next(one for one in SERVICES if source_of(one) == asked["source"])
            taken = sorted(self.consumed[service, producer])
            self.consumed[service, producer] += self.arriving.pop((service, producer), [])
            return {"ids": [one for one in taken if one > asked["after"]]}

        def answers(asked: Any, body: Any) -> Any:
            kept = self.answers if service == "order" else []
            return {"answers": [one for one in kept if one["message_id"] > asked["after"]]}

        operations("answers", answers)
        operations("lanes", lanes)
        operations("chain", chain)
        operations("consumed", consumed)
        operations("takes", lambda asked, body: {"takes": self.takes[service]})
        operations("parked", lambda asked, body: {"parked": _page(self.parked[service], asked)})
        operations("discarded", lambda asked, body: {"discarded": _page(self.discarded[service], asked)})
        operations("reminders", lambda asked, body: {"reminders": self.reminders})
        operations("lag", lag)

    def _serve_streams(self, services: Services, service: str) -> None:
        def fold(stream: str) -> dict[str, Any]:
            stored = self.states.get(stream)
            if stored is None:
                return {"stream": stream, "fault": "has no stored state"}
            return {
                "stream": stream,
                **self.folds.get(stream, stored),
                "stored_version": stored["version"],
                "stored_state": stored["state"],
            }

        def folds(asked: Any, body: Any) -> Any:
            return {"folds": [fold(stream) for stream in asked["stream"].split(",")]}

        def streams(asked: Any, body: Any) -> Any:
            wanted = [name for name in sorted(self.states) if name.startswith(f"{asked['category']}-")]
            rows = [{"stream": name, **self.states[name]} for name in wanted if name > asked["after"]]
            return {"streams": rows}

        services.answer("GET", f"/{service}/operations/folds", folds)
        services.answer("GET", f"/{service}/operations/streams", streams)


def _page(messages: list[dict[str, Any]], asked: Any) -> list[dict[str, Any]]:
    """As a service answers that is asked for no payloads."""
    assert asked["payload"] == "false"
    numbered = [{"id": f"{number:09}", **one} for number, one in enumerate(messages)]
    return [one for one in numbered if one["id"] > asked.get("after", "")][: int(asked["limit"])]


def _effects(ledger: list[dict[str, Any]], asked: Any) -> Any:
    numbered = [{"sequence": number, **effect} for number, effect in enumerate(ledger, start=1)]
    page = [effect for effect in numbered if effect["sequence"] > int(asked["after"])]
    return {"effects": page, "next": len(numbered)}


def deadline(due_at: str) -> dict[str, str]:
    """A reminder of SO-8."""
    return {"type": "order.deadline.v1", "correlation_id": "SO-8", "due_at": due_at}


def expect_found(services: Services, plant: Callable[[World], None], expected: tuple[str, str, str]) -> None:
    """A fault in a sound world is found and named: its invariant, where it is, and a part of what is told."""
    world = sound_world()
    plant(world)

    found = world.findings(services)

    invariant, where, what = expected
    assert [one for one in found if (one.invariant, one.where) == (invariant, where) and what in one.what], found


def sound_world() -> World:
    """One order that was reserved, paid, shipped and completed, and one that was cancelled in time."""
    world = World()
    world.taken = [Taken("channel.orders/0/1", ("web", "W-7")), Taken("channel.orders/0/2", None)]
    content = {"channel": "web", "channel_order_id": "W-7", "total": 1_500}
    placed = world.record("order", "order-SO-7", "order.placed", order_number=NUMBER, content=content)
    created = {"order_number": NUMBER, "outcome": "placed"}
    world.answers = [{"message_id": CAUSE, "outcome": "created", "body": created}]
    world.record(
        "order", "intake-2", "channel.order-rejected", topic="channel.rejected", source="channel.orders/0/2"
    )
    reserve = world.record("order", "", "inventory.reserve-stock", topic="inventory.commands", order_number=NUMBER)
    world.takes["inventory"] = {"inventory.commands": ["inventory.reserve-stock.v1"]}
    world.takes["notification"] = {"order.events": ["order.placed.v1"]}
    world.consumed["inventory", "order"] = [reserve]
    world.consumed["notification", "order"] = [placed]
    _goods(world)
    _money(world)
    world.record("order", "order-SO-7", "order.completed", order_number=NUMBER, charged=1_500)
    return world


def _goods(world: World) -> None:
    east = [{"location": "EAST", "quantity": 3}]
    stock = {"sku": "TEA", "order_number": NUMBER}
    world.record("inventory", "stock-TEA", "inventory.stock-received", sku="TEA", location="EAST", quantity=10)
    world.record("inventory", "stock-TEA", "inventory.stock-allocated", **stock, allocations=east)
    world.record("inventory", "stock-TEA", "inventory.stock-shipped", **stock, location="EAST", quantity=3)
    world.states["stock-TEA"]["state"] = {"shelves": {"EAST": {"on_hand": 7, "reserved": 0}}}
    parcel = {"order_number": NUMBER, "fulfilment_id": "SO-7-F1"}
    asked = {**parcel, "idempotency_key": "SO-7-F1-label-1"}
    world.record("shipping", "shipment-SO-7-F1", "shipping.label-requested", **asked)
    world.record("shipping", "shipment-SO-7-F1", "shipping.label-bought", **parcel, label_id="lbl_1")
    world.record("shipping", "shipment-SO-7-F1", "shipping.dispatched", **parcel)
    world.buy_label("lbl_1", "SO-7-F1", key="SO-7-F1-label-1")
    world.hand_over("lbl_1", "SO-7-F1")


def _money(world: World) -> None:
    payment: dict[str, Any] = {"order_number": NUMBER, "amount": 1_500, "currency": "USD"}
    world.record("payment", "payment-SO-7", "payment.authorised", **payment, authorisation_id="auth_1")
    world.record("payment", "payment-SO-7", "payment.captured", **payment, capture_id="cap_1")
    effect = {"reference": NUMBER, "authorisation_id": "auth_1", "amount": 1_500, "currency": "USD"}
    world.gateway = [
        {"operation": "authorise", "operation_id": "auth_1", "idempotency_key": "k1", **effect},
        {"operation": "capture", "operation_id": "cap_1", "idempotency_key": "k2", **effect},
    ]
