"""A sample of the fuzzer's inputs through the real broker and the real service, with good orders in between."""

import asyncio
import gzip
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from channels.publishing import IntakeMessage, intake_message
from services.order.domain.messages import RefuseIntake, TakeChannelOrder
from services.order.translate import INTAKE, MOST_GIVEN_BACK, read_intake
from shared.events.channel import ChannelOrderRejected
from shared.eventsourcing.messages import Record
from tests.e2e.kafka import Headers, publish_bytes, publish_many, publish_with_header_name
from tests.e2e.orders import a_line, an_order, fresh, number_of
from tests.e2e.shop import Shop
from tests.extent import extent
from tests.hostile.inputs import Input, hostile_input

SEED = 4
INPUTS = extent(part=600, whole=3_000)
GOOD_EVERY = 100
LARGEST = 1_900_000
"""Bytes of a record; the broker takes 2 MiB."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was published, where, and what runs."""

    hostile: dict[str, Input]
    good: list[str]
    pid: int | None
    parked: Sequence[Any]


def pid_of_order(shop: Shop) -> int | None:
    return next(row.pid for row in shop.stack.status() if row.name == "order")


def parked(shop: Shop) -> list[Any]:
    return list(shop.client.pages_after("order", "/operations/parked", "parked", by="id", payload=False))


def size(one: Input) -> int:
    headers = sum(len(name.encode()) + len(value or b"") + 10 for name, value in one.headers)
    return len(one.key or b"") + len(one.value or b"") + headers


@pytest.fixture(scope="module")
def sent(shop: Shop) -> Sent:
    """Hostile inputs and good orders on the same partitions; the good ones are all completed."""
    before, pid = parked(shop), pid_of_order(shop)
    sku = shop.sku(EAST=INPUTS)
    orders = [an_order(a_line(sku)) for _ in range(INPUTS // GOOD_EVERY)]
    hostile = [one for number in range(INPUTS) if size(one := hostile_input(SEED, number)) < LARGEST]
    mixed: list[Input | IntakeMessage] = []
    for place, one in enumerate(hostile):
        mixed += [one] if place % GOOD_EVERY or not orders else [intake_message(orders[place // GOOD_EVERY]), one]
    records = [(one.key, one.value, cast("Headers", one.headers)) for one in mixed]
    known = shop.client.stack
    places = asyncio.run(publish_many(known.kafka, known.topic_prefix, INTAKE, records))
    good = [number_of(order) for order in orders[: len(mixed) - len(hostile)]]
    shop.wait_all(good, "completed")
    return Sent(
        {place: one for place, one in zip(places, mixed, strict=True) if isinstance(one, Input)}, good, pid, before
    )


def rejections(shop: Shop) -> dict[str, ChannelOrderRejected]:
    found = [ChannelOrderRejected.model_validate_json(one.value) for one in shop.rejections()]
    by_place = {one.source: one for one in found}
    assert len(by_place) == len(found), "something was rejected twice"
    return by_place


def test_every_input_comes_back_with_its_bytes_or_is_an_order(shop: Shop, sent: Sent) -> None:
    made = {place: read_intake(as_record(place, one)).message for place, one in sent.hostile.items()}
    refused = {place for place, message in made.items() if isinstance(message, RefuseIntake)}

    def all_of_them() -> dict[str, ChannelOrderRejected] | None:
        found = rejections(shop)
        return found if refused <= found.keys() else None

    back = shop.until(all_of_them, "every refused input to come back")
    for place in refused:
        message = made[place]
        assert isinstance(message, RefuseIntake)
        assert back[place].code == message.code, sent.hostile[place]
        assert b64decode(back[place].original) == (sent.hostile[place].value or b""), sent.hostile[place]
    taken = {one.order_number for one in made.values() if isinstance(one, TakeChannelOrder)}
    for number in sorted(taken):
        shop.until(lambda number=number: shop.find(number), f"order {number} to be known")  # type: ignore[misc]


def test_the_service_is_the_same_process_and_nothing_new_is_parked(shop: Shop, sent: Sent) -> None:
    assert pid_of_order(shop) == sent.pid
    known = {one["id"] for one in sent.parked}
    assert [one for one in parked(shop) if one["id"] not in known] == []

    shop.wait(shop.order(a_line(shop.sku(EAST=1))), "completed")


def test_the_broker_unpacks_a_compressed_batch_and_refuses_what_is_too_large(shop: Shop) -> None:
    known = shop.client.stack

    with pytest.raises(MessageSizeTooLargeError):
        asyncio.run(publish_bytes(known.kafka, known.topic_prefix, INTAKE, bytes(MOST_GIVEN_BACK + 1), (), None))

    place = shop.publish_bytes(gzip.compress(bytes(30 * MOST_GIVEN_BACK)))
    shop.until(lambda: rejections(shop).get(place), "bytes that are no order to come back")


def test_a_header_whose_name_is_no_utf_8_ends_nothing(shop: Shop) -> None:
    known, name = shop.client.stack, b"\xff\xfe" + fresh("name").encode()

    place = asyncio.run(publish_with_header_name(known.kafka, known.topic_prefix, INTAKE, name, b"{}"))

    back = shop.until(lambda: rejections(shop).get(place), "it to come back")
    assert back.code == "malformed"
    assert pid_of_order(shop) is not None
    shop.wait(shop.order(a_line(shop.sku(EAST=1))), "completed")


def as_record(place: str, one: Input) -> Record:
    topic, partition, offset = place.split("/")
    headers = cast("tuple[tuple[str, bytes], ...]", one.headers)
    return Record(
        topic=topic, partition=int(partition), offset=int(offset), key=one.key, value=one.value, headers=headers
    )
