"""The topics of a stack, created explicitly: nothing makes one by accident."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from deploy.local.errors import StackError
from shared.events.registry import LISTENERS
from shared.events.topics import PARTITIONS
from shared.eventsourcing.lanes import LANES

TopicError: TypeAlias = tuple[str, int, Any]
Described: TypeAlias = dict[str, Any]
Answer = TypeVar("Answer")
SERVICES = tuple(LISTENERS)
FOREVER = "-1"
MEBIBYTE = 1024 * 1024
TRIES = 100
PAUSE_S = 0.3
"""A broker that starts, or was out of breath, is none to its controller for a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic's name and what differs from the broker's settings."""

    name: str
    settings: dict[str, str]


def topics_of(prefix: str, services: Sequence[str] = SERVICES) -> list[Topic]:
    """Every topic of a stack.

    Everything is kept for ever: a command waits until the service it asks is there. An order takes at most 1 MiB;
    what is larger comes back up to 2 MiB, and the broker takes nothing larger. It unpacks what producers compress,
    by any codec: its limit holds for what is read, where a megabyte of compressed zeros is a gigabyte, and readers
    need none of the codecs. A rejection carries the original bytes, so that it takes more.
    """
    sizes = {"channel.orders": 2 * MEBIBYTE, "channel.rejected": 4 * MEBIBYTE}
    sizes |= {f"{service}.{kind}": 4 * MEBIBYTE for service in services for kind in ("events", "commands")}
    kept = {"retention.ms": FOREVER, "compression.type": "uncompressed"}
    return [
        Topic(name=f"{prefix}.{name}", settings={**kept, "max.message.bytes": str(size)})
        for name, size in sizes.items()
    ]


async def create_topics(
    bootstrap: str, topics: Sequence[Topic], *, partitions: int = PARTITIONS, replication: int = 1
) -> None:
    """Create those that are not there yet; the others stay as they are.

    Raises:
        StackError: a topic can't be created, or is there with another number of partitions.
    """
    wanted = [
        NewTopic(t.name, num_partitions=partitions, replication_factor=replication, topic_configs=t.settings)
        for t in topics
    ]

    async def create(admin: AIOKafkaAdminClient) -> list[Described]:
        errors: list[TopicError] = (await admin.create_topics(wanted, timeout_ms=30_000)).topic_errors
        if any(code == InvalidReplicationFactorError.errno for _, code, *_ in errors):
            raise InvalidReplicationFactorError  # so far the controller knows fewer brokers than replicas
        for name, code, *message in errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise StackError(f"topic {name} can't be created: {for_code(code).__name__} {message}")
        there = [name for name, code, *_ in errors if code]
        described: list[Described] = await admin.describe_topics(there) if there else []
        if not all(one["partitions"] for one in described):
            raise UnknownTopicOrPartitionError  # so far the controller alone knows what was created just now
        return described

    there = {one["topic"]: len(one["partitions"]) for one in await _ask(bootstrap, create)}
    # Nothing would be published to lanes whose partition there is not.
    if other := [f"{name} ({count})" for name, count in sorted(there.items()) if count != partitions]:
        raise StackError(
            f"topics are there with another number of partitions than {partitions}: {', '.join(other)}"
        )


async def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Delete topics; those that are not there are fine. Raises StackError."""
    await _ask(bootstrap, lambda admin: admin.delete_topics(list(names)))


async def _ask(bootstrap: str, question: Callable[[AIOKafkaAdminClient], Awaitable[Answer]]) -> Answer:
    """Ask a broker that knows its controller; raises StackError when there is none in time, or it can't be asked.

    A client that has once been told of no broker asks nobody any more: each try has one of its own.
    """
    for _ in range(TRIES):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            # The client would take a cluster that names no controller for one that has none.
            if (await admin.describe_cluster())["controller_id"] >= 0:
                return await question(admin)
        except (NodeNotReadyError, InvalidReplicationFactorError, UnknownTopicOrPartitionError):
            pass
        except (KafkaError, OSError) as error:
            raise StackError(f"Kafka at {bootstrap} can't be asked: {error}") from error
        finally:
            await admin.close()
        await asyncio.sleep(PAUSE_S)
    missing = "no controller, too few brokers or not all topics"
    raise StackError(f"Kafka at {bootstrap} has named {missing} for half a minute")


def main(arguments: list[str] | None = None) -> None:
    """`python -m deploy.local.topics --bootstrap HOST:PORT [--prefix NAME]`, for the compose file."""
    parser = argparse.ArgumentParser(description="Create the topics of Orderstream.")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="orderstream")
    parser.add_argument(
        "--partitions",
        type=int,
        choices=[number for number in range(1, LANES + 1) if LANES % number == 0],
        default=PARTITIONS,
        help="what the services are told as OMS_KAFKA_PARTITIONS (%(default)s)",
    )
    parser.add_argument("--replication", type=int, default=1)
    given = parser.parse_args(arguments)
    creation = create_topics(
        given.bootstrap, topics_of(given.prefix), partitions=given.partitions, replication=given.replication
    )
    try:
        asyncio.run(creation)
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
