"""A service process: its definition put together with PostgreSQL, Kafka and HTTP, started and stopped in order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared.events.cloudevents import source_of
from shared.events.registry import SENDERS, topic_of
from shared.eventsourcing.broker import Broker, BrokerUnavailable
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.failpoints import die_at
from shared.eventsourcing.garbage import collect_rarely
from shared.eventsourcing.health import Health
from shared.eventsourcing.http import application
from shared.eventsourcing.http_server import address_of, http_server
from shared.eventsourcing.ids import new_id
from shared.eventsourcing.kafka.broker import KafkaBroker
from shared.eventsourcing.logs import configure_logs
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.operations_api import operations_routers
from shared.eventsourcing.postgres.settings import faults_of
from shared.eventsourcing.postgres.store import PostgresStore
from shared.eventsourcing.runtime import Runtime
from shared.eventsourcing.settings import ServiceSettings
from shared.eventsourcing.store import Store, StoreUnavailable
from shared.eventsourcing.stored_views import StoredViews

T = TypeVar("T", bound=ServiceSettings)

log = structlog.get_logger()

STARTS_WITHIN_S = 15.0
"""How long a service that starts waits for a database or a broker that is away: to start anew costs more."""


def run(service: str, definition: Callable[[T], ServiceDefinition], settings_type: type[T]) -> None:
    """Run a service until SIGTERM; what keeps it from running is said in one line."""
    try:
        settings = settings_type()
        _run(settings, definition(settings))
    except (ValidationError, SettingsError) as wrong:
        sys.exit(f"{service}: {faults_of(wrong)}")
    except (StoreUnavailable, BrokerUnavailable, ValueError, OSError) as error:
        if isinstance(error, OSError | ValueError) and os.environ.get("OMS_DEBUG"):
            raise
        sys.exit(f"{service}: {error}")


def _run(settings: ServiceSettings, definition: ServiceDefinition) -> None:
    instance = settings.instance or f"{socket.gethostname()}-{os.getpid()}"
    configure_logs(definition.model.service, instance, settings.log_level)
    if settings.failpoint:
        die_at(settings.failpoint)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(settings, definition, instance))


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _serve(settings: ServiceSettings, definition: ServiceDefinition, instance: str) -> None:
    service = definition.model.service
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(address_of(settings.http_host, settings.http_port))
        store = await PostgresStore.connect(
            settings.database_url.get_secret_value(),
            tls=settings.database_context(),
            max_connections=settings.database_connections,
            stands_still_s=settings.takeover_s,
            patience_s=STARTS_WITHIN_S,
        )
        stack.push_async_callback(store.close)
        broker = KafkaBroker(
            settings.kafka_access(),
            prefix=settings.topic_prefix,
            partitions=settings.kafka_partitions,
            topics={*definition.topics, *SENDERS.get(service, ())},
            client_id=f"{service}-{instance}",
            session_s=settings.takeover_s,
            gather_s=settings.gather_s,
            patience_s=STARTS_WITHIN_S,
        )
        for resource in definition.resources:
            await stack.enter_async_context(resource)
        runtime = Runtime(
            definition,
            store,
            broker,
            SystemClock(),
            metrics=metrics,
            owner=f"{instance}/{new_id().hex[-8:]}",
            source=source_of(service),
            lease_s=settings.takeover_s,
        )
        app = http_application(settings, definition, runtime, store, broker, metrics)
        collect_rarely()
        await _until_told_to_stop(runtime, http_server(app), sockets, store)
    log.info("stopped")


def http_application(
    settings: ServiceSettings,
    definition: ServiceDefinition,
    runtime: Runtime,
    store: Store,
    broker: Broker,
    metrics: Metrics,
) -> FastAPI:
    """All routes of a service: health, the operations API and its own."""

    taken_from: dict[str, list[str]] = {}
    for message in definition.model.routes:
        if message not in definition.internal and topic_of(message) in definition.topics:
            taken_from.setdefault(topic_of(message), []).extend(runtime.decoder.versions_of([message]))
    own = definition.routers(runtime.submit, StoredViews(store)) if definition.routers else ()
    health = Health(runtime, store, broker, SystemClock(), metrics)
    operations = operations_routers(definition.model, store, runtime.pipeline, taken_from, runtime.decoder)
    return application(
        definition.model.service,
        [*own, *operations],
        api_keys=settings.api_keys,
        metrics=metrics,
        ready=health.ready,
        measure=health.measure,
        max_body_bytes=settings.max_body_bytes,
    )


async def _until_told_to_stop(
    runtime: Runtime, server: uvicorn.Server, sockets: Sequence[socket.socket], store: PostgresStore
) -> None:
    told = _told_to_stop()
    starting = asyncio.create_task(runtime.start())
    try:
        await asyncio.wait({starting, told, runtime.failed}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await _serve_until(told, runtime, server, sockets, store)
    finally:
        log.info("stopping")
        starting.cancel()
        await asyncio.wait({starting})
        await runtime.stop()
    if runtime.failed.done():
        runtime.failed.result()


def _told_to_stop() -> asyncio.Future[Any]:
    """Done at the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return asyncio.create_task(stop.wait())


async def _serve_until(
    told: asyncio.Future[Any],
    runtime: Runtime,
    server: uvicorn.Server,
    sockets: Sequence[socket.socket],
    store: PostgresStore,
) -> None:
    """Answer over HTTP, and hear of other instances, until told to stop or a part has failed."""
    listening = asyncio.create_task(hear_of_others(runtime, store))
    serving = asyncio.create_task(server._serve(list(sockets)))
    log.info("started", port=sockets[0].getsockname()[1])
    await asyncio.wait({told, serving, runtime.failed}, return_when=asyncio.FIRST_COMPLETED)
    early = serving.done()
    server.should_exit = True
    await asyncio.wait({serving}, timeout=10)
    listening.cancel()
    if early:
        raise OSError(f"the HTTP server could not go on: {serving.exception()}")


class Ear(Protocol):
    """Where the commits of other instances can be heard."""

    async def listen(
        self,
        written: Callable[[Collection[int]], None],
        listening: Callable[[], None],
        pause: Callable[[], Awaitable[object]],
    ) -> None:
        """Implemented by `PostgresStore`."""
        ...


async def hear_of_others(runtime: Runtime, ear: Ear) -> None:
    """Hear of commits by other instances; where the line is dead, polling is the floor.

    Whenever it is alive again all readers look for what went unheard.
    """
    while True:
        try:
            await ear.listen(runtime.written_elsewhere, runtime.wake_all, lambda: asyncio.sleep(10))
        except StoreUnavailable:
            await asyncio.sleep(1)
