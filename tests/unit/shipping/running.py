"""The whole service on an in-memory store and broker, with a real HTTP side and a real carrier process."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import uvicorn

from services.shipping.app import definition
from services.shipping.settings import Settings
from shared.events.cloudevents import Metadata, headers_of
from shared.events.payload import Command
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.broker import Cluster
from shared.eventsourcing.memory.tables import Tables
from tests.served import NO_SERVERS, an_api_key, bearer, serving
from tests.unit.simulators.running import KEY, SECRET

PATIENCE_S = 15.0
WRITER, READER = "writer-key", "reader-key"
KEYS = (
    an_api_key("ann", WRITER, "shipments:read", "shipments:write"),
    an_api_key("ben", READER, "shipments:read"),
)


def free_socket() -> socket.socket:
    """A socket of the test's own, so that its port is known before the server runs."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


@dataclass
class RunningService:
    """A service that can be asked over HTTP and by commands."""

    http: httpx2.AsyncClient
    cluster: Cluster
    tables: Tables

    def command(self, message: Command, order_number: str) -> None:
        """Publish a command as another service would."""
        metadata = Metadata(
            id=str(uuid4()),
            source="/orderstream/order",
            type=message.wire_type,
            correlation_id=order_number,
            partition_key=order_number,
        )
        self.cluster.append(
            Outgoing(
                topic="shipping.commands",
                lane=lane_of(order_number),
                key=order_number.encode(),
                value=message.model_dump_json().encode(),
                headers=headers_of(metadata),
            )
        )

    async def get(self, path: str, key: str = READER) -> httpx2.Response:
        return await self.http.get(path, headers=bearer(key))

    async def post(self, path: str, body: object = None, key: str = WRITER) -> httpx2.Response:
        return await self.http.post(path, json=body, headers=bearer(key))

    async def shipment(self, fulfilment_id: str) -> dict[str, Any]:
        response = await self.get(f"/shipments/{fulfilment_id}")
        return dict(response.json())

    async def reaches(self, fulfilment_id: str, status: str) -> dict[str, Any]:
        """The shipment, once it has this status."""

        async def there() -> bool:
            return (await self.shipment(fulfilment_id)).get("status") == status

        await eventually(there)
        return await self.shipment(fulfilment_id)

    def facts(self) -> list[str]:
        """The types of all facts, in the order of each lane."""
        return [entry.type for lane in self.tables.log.values() for entry in lane if entry.kind == "event"]

    def deciders(self, wire_type: str) -> list[tuple[str, str]]:
        """Who stated each fact of a type, and why."""
        entries = (entry for lane in self.tables.log.values() for entry in lane)
        return [(entry.actor, entry.reason) for entry in entries if entry.type == wire_type]


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until it holds; fail when it never does."""
    end = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running_service(
    bound: socket.socket, carrier_url: str, **settings: Any
) -> AsyncIterator[RunningService]:
    """Run the service on a bound socket."""
    partner = {"carrier_url": carrier_url, "carrier_key": KEY, "carrier_webhook_secret": SECRET}
    chosen = Settings.model_validate({**NO_SERVERS, **partner, "api_keys": KEYS, **settings})
    async with serving(chosen, definition(chosen)) as served:
        server = uvicorn.Server(uvicorn.Config(served.app, log_config=None, lifespan="off", access_log=False))
        answering = asyncio.create_task(server.serve(sockets=[bound]))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        try:
            async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE_S) as http:
                yield RunningService(http, served.cluster, served.tables)
        finally:
            server.should_exit = True
            await answering
