"""Readiness and metrics: what waits is measured when somebody asks for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from shared.eventsourcing.health import Health
from shared.eventsourcing.http import application
from shared.eventsourcing.messages import Record
from tests.unit.eventsourcing.toy import Installation, Instance, arrival, block, toy_view, until


@asynccontextmanager
async def asking(installation: Installation, instance: Instance) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the instance's open routes."""
    health = Health(instance.runtime, installation.store(), instance.broker, installation.clock, instance.metrics)
    app = application(
        "order",
        (),
        api_keys=(),
        metrics=instance.metrics,
        ready=health.ready,
        measure=health.measure,
        max_body_bytes=1_000,
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://order") as client:
        yield client


async def test_the_lag_of_every_reader_is_told_though_nobody_asked_for_readiness(
    installation: Installation,
) -> None:
    async with installation.running(views=(toy_view(),)) as instance, asking(installation, instance) as client:
        await instance.runtime.pipeline.take([arrival(block())])
        await asyncio.sleep(5)

        lines = (await client.get("/metrics")).text.splitlines()

    assert 'oms_reader_lag{reader="relay"} 0.0' in lines
    assert 'oms_reader_lag{reader="customers@1"} 0.0' in lines


async def test_what_is_behind_parked_or_overdue_is_counted(installation: Installation) -> None:
    async with installation.running():
        await asyncio.sleep(1)
    async with installation.pipeline() as pipeline:
        await pipeline.take([arrival(block())])
        await pipeline.take_records(
            [Record(topic="order.commands", partition=0, offset=7, key=b"key", value=b"rubbish")]
        )
    await asyncio.sleep(80)

    async with asking(installation, installation.instance()) as client:
        lines = (await client.get("/metrics")).text.splitlines()

    assert 'oms_reader_lag{reader="relay"} 2.0' in lines
    assert "oms_parked_messages 1.0" in lines
    assert "oms_overdue_reminders 1.0" in lines


async def test_who_is_not_ready_says_which_part_is_missing(installation: Installation) -> None:
    instance = installation.instance()
    async with asking(installation, instance) as client:
        answer = await client.get("/ready")
        assert answer.status_code == 503
        assert not answer.json()["subscriptions"]
        assert not answer.json()["runtime"]

        await instance.runtime.start()
        await until(instance.broker.delivering)
        answer = await client.get("/ready")
        await instance.runtime.stop()

    assert answer.status_code == 200
    assert answer.json() == {
        "service": "order",
        "database": True,
        "broker": True,
        "subscriptions": True,
        "runtime": True,
    }
