"""`oms publish` and what `oms verify` reads of the intake, on a real Kafka."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.description import Description
from deploy.local.stack import Stack
from oms.cli import main
from oms.verify.intake_topic import IntakeTopic
from shared.events.cloudevents import read_message
from shared.eventsourcing.reading import message_id_of

ORDERS = (
    "channel_order_id,channel_updated_at,placed_at,customer_id,customer_name,ship_name,ship_street,ship_city,"
    "ship_country,currency,payment_kind,payment_token,sku,quantity,unit_price\n"
    + "".join(
        f"F-{number},2026-03-02T12:00:00Z,2026-03-02T12:00:00Z,C-1,Ada,Ada,5 Main St,Boston,US,USD,card,tok_1,"
        "TEA,3,500\n"
        for number in range(20)
    )
    + "F-20,,,,,,,,,,,,TEA,none,500\n"
)


@pytest.fixture
def kafka(guest: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Description]:
    """Topics and databases alone."""
    monkeypatch.setenv("OMS_STATE", str(guest))
    with Stack(guest, components=()) as stack:
        yield stack.description


async def ids_taken(stack: Description, *, commit: bool) -> list[UUID]:
    """The ids of all messages of the intake, read as the order service reads them."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka, group_id=f"{stack.topic_prefix}.order", enable_auto_commit=False
    )
    await consumer.start()
    topic = f"{stack.topic_prefix}.channel.orders"
    partitions = [TopicPartition(topic, number) for number in range(8)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    records = []
    while any([await consumer.position(one) < ends[one] for one in partitions]):
        for batch in (await consumer.getmany(timeout_ms=500)).values():
            records += batch
    if commit:
        await consumer.commit()
    await consumer.stop()
    return [message_id_of(read_message(record.headers, record.value)[0]) for record in records]


async def end_of_intake(stack: Description) -> int:
    """How many messages stand in the intake."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka)
    await consumer.start()
    partitions = [TopicPartition(f"{stack.topic_prefix}.channel.orders", number) for number in range(8)]
    ends = await consumer.end_offsets(partitions)
    await consumer.stop()
    return sum(ends.values())


def test_a_file_that_is_published_twice_doubles_nothing(
    kafka: Description, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)

    assert main(["publish", str(file)]) == 1
    assert main(["publish", str(file)]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert "20 orders published, 1 fault" in said.err
    assert "orders.csv:22: " in said.err
    ids = asyncio.run(ids_taken(kafka, commit=False))
    assert len(ids) == 40
    assert len(set(ids)) == 20


def test_a_publish_that_is_interrupted_says_how_many_orders_the_broker_acknowledged(
    kafka: Description, tmp_path: Path
) -> None:
    header, row, *_ = ORDERS.splitlines()
    rows = (row.replace("F-0", f"F-{number}") for number in range(20_000))
    file = tmp_path / "orders.csv"
    file.write_text("\n".join([header, *rows]))
    command = [sys.executable, "-m", "oms", "publish", str(file)]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as publishing:
        while asyncio.run(end_of_intake(kafka)) < 1_000:
            assert publishing.poll() is None
        publishing.send_signal(signal.SIGINT)
        _, said = publishing.communicate(timeout=60)

    assert publishing.returncode == 130
    told = re.fullmatch(r"oms: stopped when (\d+) of 20000 orders were acknowledged; .*\n", said)
    assert told, said
    published = asyncio.run(end_of_intake(kafka))
    assert 500 <= int(told[1]) <= published < 20_000


def test_verify_reads_the_intake_up_to_where_the_order_service_has_committed(
    kafka: Description, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    intake = IntakeTopic()

    main(["publish", str(file)])
    before = intake.news(kafka)
    asyncio.run(ids_taken(kafka, commit=True))
    taken = intake.news(kafka)
    main(["publish", str(file)])

    assert before == []
    assert {message.order for message in taken} == {("file", f"F-{number}") for number in range(20)}
    assert len({message.place for message in taken}) == 20
    assert intake.news(kafka) == []
