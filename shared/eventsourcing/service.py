"""A service process: its definition put together with PostgreSQL, Kafka and HTTP, started and stopped in order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from shared.events.cloudevents import source_of
from shared.events.registry import SENDERS, topic_of
from shared.eventsourcing.broker import Broker, BrokerUnavailable
from shared.eventsourcing.clock import SystemClock
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.failpoints import die_at
from shared.eventsourcing.garbage import collect_rarely
from shared.eventsourcing.health import Health
from shared.eventsourcing.http import application
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


def run(service: str, definition: Callable[[T], ServiceDefinition], settings_type: type[T]) -> None:
    """Run a service until SIGTERM; what keeps it from running is said in one line."""
    try:
        settings = settings_type()
        _run(settings, definition(settings))
    except ValidationError as wrong:
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
        store = await PostgresStore.connect(
            settings.database_url.get_secret_value(),
            tls=settings.database_context(),
            max_connections=settings.database_connections,
            stands_still_s=settings.takeover_s,
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
        server = _http_server(settings, app)
        collect_rarely()
        await _until_told_to_stop(runtime, server, store)
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
            taken_from.setdefault(topic_of(message), []).append(message.wire_type)
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


def _http_server(settings: ServiceSettings, app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


async def _until_told_to_stop(runtime: Runtime, server: uvicorn.Server, store: PostgresStore) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await runtime.start()
    except BrokerUnavailable:
        await runtime.stop()
        raise
    listening = asyncio.create_task(hear_of_others(runtime, store))
    serving = asyncio.create_task(server._serve())
    log.info("started", port=server.config.port)
    ends: set[asyncio.Future[Any]] = {asyncio.create_task(stop.wait()), serving, runtime.failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    server.should_exit = True
    await asyncio.wait({serving}, timeout=10)
    listening.cancel()
    await runtime.stop()
    if runtime.failed.done():
        runtime.failed.result()
    if not stop.is_set():
        sys.exit(f"{runtime.service}: the HTTP server could not go on")


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
