"""The local stack on a real Kafka and PostgreSQL, with stubs in the place of services and simulators."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.components import EVERYTHING, MAILBOX, ROOT, Component, service
from deploy.local.errors import StackError
from deploy.local.identity import load_identity, save_identity
from deploy.local.jars import provide_jars
from deploy.local.ownership import stop_stack
from deploy.local.processes import read_records, wait_until_gone
from deploy.local.stack import Stack
from deploy.local.status import is_running, read_status
from deploy.local.supervisor import start_detached
from deploy.local.topics import Topic, create_topics, delete_topics
from tests.breakable import breakable

TAKEN_FOR_DEAD_S = 4.0
"""Longer than the broker's session."""
STUB = "tests.unit.deploy.stub"
STUBS: tuple[Component, ...] = tuple(c.model_copy(update={"module": STUB}) for c in EVERYTHING)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory for embedded servers, removed afterwards with all that belongs to it."""
    monkeypatch.setenv("TEST_INFRA", breakable())
    yield tmp_path / "state"
    Stack(tmp_path / "state", components=()).discard()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and PostgreSQL alone, for all who leave them running."""
    stack = Stack(tmp_path_factory.mktemp("servers"), components=(), infrastructure=breakable())
    with stack:
        yield stack
    stack.discard()


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Other servers beside those; who uses them last stops them."""
    stack = Stack(tmp_path_factory.mktemp("neighbour"), components=(), infrastructure=breakable())
    with stack:
        yield stack
    stack.discard()


async def store(stack: Stack, subject: str, number: int) -> None:
    """One committed row and one acknowledged record."""
    connection = await asyncpg.connect(stack.description.databases["order"])
    await connection.execute("create table if not exists kept (subject text, number int)")
    await connection.execute("insert into kept values ($1, $2)", subject, number)
    await connection.close()
    producer = AIOKafkaProducer(bootstrap_servers=stack.description.kafka, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(
        "orderstream.order.events", str(number).encode(), key=subject.encode(), partition=0
    )
    await producer.stop()


async def stored(stack: Stack, subject: str) -> tuple[list[int], list[int]]:
    """The rows and the records that are there about a subject."""
    connection = await asyncpg.connect(stack.description.databases["order"])
    found = await connection.fetch("select number from kept where subject = $1 order by number", subject)
    rows = [row["number"] for row in found]
    await connection.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.description.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition("orderstream.order.events", 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        records: list[int] = []
        while await consumer.position(partition) < end:
            record = await asyncio.wait_for(consumer.getone(), timeout=20)
            if record.key == subject.encode():
                records.append(int(record.value))
    finally:
        await consumer.stop()
    return rows, records


async def until(condition: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if (await answer) if isinstance(answer, Awaitable) else answer:
            return
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.1)


def told(url: str) -> dict[str, Any]:
    """What a stub was started with."""
    with urllib.request.urlopen(url + "/told", timeout=5) as answer:  # noqa: S310 - a stub of our own
        found: dict[str, Any] = json.load(answer)
    return found


async def test_data_survive_a_kill_of_the_broker_and_the_database(servers: Stack) -> None:
    await store(servers, "a kill", 1)

    servers.kill("kafka")
    servers.kill("postgres")
    servers.restart("postgres")
    servers.restart("kafka")
    await store(servers, "a kill", 2)

    assert await stored(servers, "a kill") == ([1, 2], [1, 2])


async def test_a_frozen_database_goes_on_where_it_was(servers: Stack) -> None:
    await store(servers, "frost", 1)

    servers.freeze("postgres")
    waiting = asyncio.create_task(stored(servers, "frost"))
    done, _ = await asyncio.wait([waiting], timeout=0.5)
    assert not done
    servers.resume("postgres")

    assert await waiting == ([1], [1])


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_frozen_server_is_not_ready_and_the_answer_comes_soon(servers: Stack, name: str) -> None:
    servers.freeze(name)
    asked = time.monotonic()
    frozen = {row.name: row.state for row in servers.status()}
    took = time.monotonic() - asked
    servers.resume(name)

    assert frozen == {"kafka": "ready", "postgres": "ready"} | {name: "not ready"}
    assert took < 5


async def test_a_role_reaches_its_own_database_and_no_other(servers: Stack) -> None:
    own = servers.description.databases["order"]

    for other in ("orderstream_payment", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(own.rpartition("/")[0] + "/" + other)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(own.replace("orderstream_order:", "orderstream_order:x"))


async def test_topics_are_made_with_their_settings_and_never_by_accident(servers: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.description.kafka)
    await admin.start()
    topics = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics()}
    await admin.describe_topics(["orderstream.no.such.topic"])
    after = set(await admin.list_topics())
    await admin.close()

    ours = {name: count for name, count in topics.items() if name.startswith("orderstream.")}
    assert len(ours) == 12
    assert set(ours.values()) == {8}
    assert "orderstream.no.such.topic" not in after


async def test_topics_are_made_by_a_broker_that_its_controller_took_for_dead(servers: Stack) -> None:
    servers.freeze("kafka")
    await asyncio.sleep(TAKEN_FOR_DEAD_S)
    servers.resume("kafka")

    await create_topics(servers.description.kafka, [Topic(name="late", settings={})])

    async with AIOKafkaProducer(bootstrap_servers=servers.description.kafka) as producer:
        kept = await producer.send_and_wait("late", b"a record")
    assert kept.topic == "late"
    await delete_topics(servers.description.kafka, ["late"])


async def test_two_stacks_run_at_once_and_know_nothing_of_each_other(servers: Stack, neighbour: Stack) -> None:
    await store(servers, "neighbours", 1)
    await store(neighbour, "neighbours", 2)

    assert await stored(servers, "neighbours") == ([1], [1])
    assert await stored(neighbour, "neighbours") == ([2], [2])


async def test_data_ports_and_keys_survive_a_stop_and_a_start(neighbour: Stack) -> None:
    await store(neighbour, "a stop", 1)
    before = neighbour.description
    neighbour.stop()

    with Stack(neighbour.state, components=(), infrastructure="local") as again:
        assert again.description == before
        assert await stored(again, "a stop") == ([1], [1])


def test_a_start_that_is_broken_off_while_kafka_is_prepared_waits_for_no_broker(tmp_path: Path) -> None:
    jars, cache = provide_jars(print)[0].parent, tmp_path / "cache"
    cache.mkdir()
    (cache / jars.name).symlink_to(jars)
    up = subprocess.Popen(
        [sys.executable, "-m", "oms", "up", "--state", str(tmp_path / "state")],
        cwd=ROOT,
        env={**os.environ, "OMS_CACHE": str(cache), "TEST_INFRA": breakable()},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert up.stderr is not None
    with up.stderr as said:
        assert any(line.startswith("preparing a faster start of Kafka") for line in said)
        asyncio.run(until(lambda: any(cache.glob(".start-*/logs/kafka.log"))))  # the one that is recorded
        [log] = cache.glob(".start-*/logs/kafka.log")
        kept = tmp_path / "kept.log"
        kept.hardlink_to(log)
        up.send_signal(signal.SIGINT)
        rest = said.read()

    assert up.wait() == 130
    assert "starting kafka" not in rest
    assert "Kafka Server started" not in kept.read_text()
    assert list(cache.glob(".start-*")) == list(cache.glob("*.checkpoint")) == []
    Stack(tmp_path / "state", components=(), infrastructure=breakable()).discard()


def test_a_second_start_in_the_same_directory_is_refused(servers: Stack) -> None:
    with pytest.raises(StackError, match=f"^a stack is running in {servers.state} already$"):
        Stack(servers.state, components=(), infrastructure="local").start()
    with pytest.raises(StackError, match="stop it first"):
        Stack(servers.state, components=(), infrastructure="local").discard()

    assert {row.state for row in servers.status()} == {"ready"}


async def test_shared_servers_are_used_under_names_of_ones_own_and_left_clean(
    servers: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", servers.description.kafka)
    monkeypatch.setenv("TEST_POSTGRES_URL", servers.description.postgres)
    guest = Stack(tmp_path / "guest", components=(), infrastructure="env")
    with guest:
        assert guest.description.topic_prefix != "orderstream"
        assert guest.status() == []
        with pytest.raises(StackError, match="runs no process of its own named kafka"):
            guest.kill("kafka")
    await asyncio.to_thread(guest.discard)

    connection = await asyncpg.connect(servers.description.postgres)
    names = {row["datname"] for row in await connection.fetch("select datname from pg_database")}
    await connection.close()
    assert len(names) == 3 + 5


def test_everything_starts_is_ready_and_ends_with_nothing_left(state: Path) -> None:
    said: list[str] = []
    with Stack(state, components=STUBS, seed=7, report=said.append) as stack:
        description = stack.description
        assert {row.state for row in read_status(state)} == {"ready"}
        assert told(description.services["payment"])["environment"]["OMS_GATEWAY_URL"] == description.gateway_url
        arguments = told(description.gateway_url)["arguments"]
        assert arguments[arguments.index("--seed") + 1] == "7"
        assert state.stat().st_mode & 0o066 == 0
        assert (state / "kafka").exists()
        assert not open_to_others(state)
        running = read_records(state)
        assert len(running) == 10

    assert "starting order" in said
    assert not any(record.alive for record in running)
    assert {row.state for row in read_status(state)} == {"stopped"}


def test_nobody_else_can_look_into_a_state_directory_that_was_open_before(guest: Path) -> None:
    old = [guest / name for name in ("logs", "gateway", "carrier", "mailbox")]
    for folder in old:
        folder.mkdir(mode=0o755, parents=True)

    with Stack(guest, components=STUBS[:3]) as stack:
        assert {row.state for row in stack.status()} == {"ready"}

    assert not open_to_others(guest)


def open_to_others(state: Path) -> list[Path]:
    """What is in a state directory and not for its owner alone, but for the empty lock."""
    return [one for one in state.iterdir() if one.stat().st_mode & 0o077 and one.name != "owner.lock"]


def test_a_service_that_never_gets_ready_is_named_with_its_last_words_and_its_log(guest: Path) -> None:
    stack = Stack(
        guest,
        components=[service("order", module=STUB)],
        environment={"order": {"STUB_FAILS": "no such table"}},
    )

    with pytest.raises(StackError, match=r"^order ended with code 1: no such table; its log is .*/order\.log$"):
        stack.start()

    assert read_records(guest) == []
    assert not is_running(guest)


def test_the_port_for_mails_is_looked_at_before_the_mailbox_is_started(guest: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        guest.mkdir()
        port = other.getsockname()[1]
        save_identity(guest, load_identity(guest).model_copy(update={"ports": {"smtp": port}}))

        with pytest.raises(StackError, match=f"^port {port} of smtp is in use by another program$"):
            Stack(guest, components=[MAILBOX.model_copy(update={"module": STUB})]).start()


def test_a_second_instance_of_a_service_is_added_while_it_runs(guest: Path) -> None:
    with Stack(guest, components=[service("order", module=STUB)]) as stack:
        stack.add(service("order", name="order-2", module=STUB))

        one, two = stack.description.services["order"], stack.description.services["order-2"]
        assert one != two
        assert told(one)["environment"]["OMS_DATABASE_URL"] == told(two)["environment"]["OMS_DATABASE_URL"]


async def test_a_service_that_dies_is_started_again_at_its_port(guest: Path) -> None:
    over = threading.Event()
    with Stack(guest, components=[service("order", module=STUB)]) as stack:
        watching = threading.Thread(target=stack.watch, args=(over,))
        watching.start()
        [first] = [record for record in read_records(guest) if record.name == "order"]
        os.kill(first.pid, signal.SIGKILL)

        def back() -> bool:
            rows = {row.name: row for row in stack.status()}
            return rows["order"].state == "ready" and rows["order"].pid != first.pid

        await until(back)
        stack.kill("order")
        await asyncio.sleep(1.5)
        over.set()
        watching.join()
        assert {row.name: row.state for row in stack.status()}["order"] == "stopped"


async def test_a_log_that_grew_too_long_is_put_aside_while_its_process_runs(
    guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.processes.LOG_LIMIT", 1000)
    over = threading.Event()
    with Stack(guest, components=[service("order", module=STUB)]) as stack:
        watching = threading.Thread(target=stack.watch, args=(over,))
        watching.start()
        log = Path(stack.description.processes["order"])
        await asyncio.to_thread(log.write_text, "x" * 1001)

        await until(lambda: log.stat().st_size == 0)
        over.set()
        watching.join()

    assert log.with_name("order.log.1").read_text() == "x" * 1001


def test_nothing_is_left_when_the_owner_is_killed_and_the_data_are_found_again(state: Path) -> None:
    code = f"""
import time
from pathlib import Path
from deploy.local.stack import Stack
from tests.e2e.test_local_stack import STUBS
Stack(Path({str(state)!r}), components=STUBS).start()
print("ready", flush=True)
time.sleep(300)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    with owner.stdout as output:
        assert output.readline() == b"ready\n"
    running = read_records(state)
    assert len(running) == 10

    owner.kill()
    owner.wait()

    assert wait_until_gone(running, seconds=15)
    assert not is_running(state)
    with Stack(state, components=STUBS):
        assert is_running(state)


def test_a_detached_stack_runs_on_until_it_is_ended(guest: Path) -> None:
    said: list[str] = []

    description = start_detached(guest, components=STUBS, seed=3, report=said.append)

    try:
        assert "starting shipping" in said
        assert {row.state for row in read_status(guest)} == {"ready"}
        assert guest.stat().st_mode & 0o066 == 0
        assert told(description.services["order"])["environment"]["OMS_TOPIC_PREFIX"] == description.topic_prefix
    finally:
        assert stop_stack(guest)
    assert read_records(guest) == []
    assert not is_running(guest)
    assert not stop_stack(guest)


def test_a_detached_stack_that_fails_says_why_and_leaves_nothing(guest: Path) -> None:
    with pytest.raises(StackError, match=r"^order ended with code 1: no luck; its log is .*/order\.log$"):
        start_detached(
            guest,
            components=[service("order", module=STUB)],
            environment={"order": {"STUB_FAILS": "no luck"}},
        )

    assert read_records(guest) == []
    assert not is_running(guest)
