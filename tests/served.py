"""A service put together as it is run, on the store and the broker in memory, for tests of all its rooms."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI

from shared.events.cloudevents import source_of
from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.memory.broker import Cluster, MemoryBroker
from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.runtime import Runtime
from shared.eventsourcing.service import http_application
from shared.eventsourcing.settings import ServiceSettings

NO_SERVERS: dict[str, Any] = {"database_url": "postgresql://unused", "kafka_bootstrap": "unused:1"}
"""Settings that every service must be given, and that nothing asks for here."""
LOOKS = 1_000
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Served:
    """A running service, and what is behind it."""

    app: FastAPI
    runtime: Runtime
    store: MemoryStore
    cluster: Cluster
    tables: Tables


def an_api_key(name: str, secret: str, *scopes: str) -> ApiKey:
    """A key as a service is told of it."""
    return ApiKey(name=name, sha256=hashlib.sha256(secret.encode()).hexdigest(), scopes=scopes)


def bearer(secret: str) -> dict[str, str]:
    """The header by which a caller shows a key."""
    return {"Authorization": f"Bearer {secret}"}


@asynccontextmanager
async def serving(settings: ServiceSettings, definition: ServiceDefinition) -> AsyncIterator[Served]:
    """The service, running until the block ends."""
    clock, metrics, tables, cluster = SystemClock(), Metrics(), Tables(), Cluster()
    store, broker = MemoryStore(tables, Locks(), clock), MemoryBroker(cluster)
    async with AsyncExitStack() as stack:
        for resource in definition.resources:
            await stack.enter_async_context(resource)
        source = source_of(definition.model.service)
        runtime = Runtime(definition, store, broker, clock, metrics=metrics, owner="one", source=source)
        await runtime.start()
        stack.push_async_callback(runtime.stop)
        app = http_application(settings, definition, runtime, store, broker, metrics)
        yield Served(app, runtime, store, cluster, tables)


def client_of(served: Served) -> httpx2.AsyncClient:
    """Calls it without a socket between."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served.app), base_url="http://service")


async def shown(ask: Callable[[], Awaitable[httpx2.Response]], as_expected: Callable[[Any], bool]) -> Any:
    """What a view shows once it shows what is expected."""
    body: Any = None
    for _ in range(LOOKS):
        answer = await ask()
        body = answer.json()
        if answer.status_code == 200 and as_expected(body):
            return body
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"it shows {body}")
