"""What a channel sends to the intake, and what it says when nobody takes it."""

import socket
from datetime import timedelta

import pytest

from channels.completejourney.fixture import Fixture
from channels.publishing import NotAcknowledged, OrderPublisher, intake_message
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.messages import Record
from shared.eventsourcing.reading import read_contract

ORDERS = [statement.order for statement in Fixture(5)]


def test_the_intake_reads_what_a_channel_sends() -> None:
    order = ORDERS[0]
    message = intake_message(order)

    arrival = read_contract({ChannelOrderReceived.wire_type: ChannelOrderReceived})(
        Record(
            topic="channel.orders",
            partition=0,
            offset=0,
            key=message.key,
            value=message.value,
            headers=tuple(message.headers),
        )
    )

    assert arrival is not None
    assert arrival.message == order
    assert arrival.partition_key == order.channel_order_id == message.key.decode()
    assert arrival.source == f"/orderstream/channels/{order.channel}"
    assert arrival.occurred_at == order.channel_updated_at


def test_the_same_order_is_the_same_message_and_a_changed_one_is_another() -> None:
    order = ORDERS[0]
    noted = order.model_copy(update={"notes": "ring twice"})

    assert intake_message(order) == intake_message(order.model_copy())
    ids = {
        dict(intake_message(each).headers)["ce_id"]
        for each in (
            order,
            noted,
            order.model_copy(update={"channel": "web"}),
            order.model_copy(update={"channel_updated_at": order.channel_updated_at + timedelta(seconds=1)}),
        )
    }
    assert len(ids) == 4


async def test_a_broker_that_is_away_is_named_in_one_sentence() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        bootstrap = f"127.0.0.1:{nobody.getsockname()[1]}"
        progress: list[int] = []

        async with OrderPublisher(KafkaAccess(bootstrap=bootstrap), patience=timedelta(seconds=1)) as publisher:
            with pytest.raises(NotAcknowledged) as refused:
                await publisher.publish(ORDERS, progress.append)

    sentence = str(refused.value)
    assert bootstrap in sentence
    assert f"{len(ORDERS)} orders" in sentence
    assert "\n" not in sentence
    assert progress == []


async def test_publishing_nothing_needs_no_broker() -> None:
    async with OrderPublisher(KafkaAccess(bootstrap="127.0.0.1:1")) as publisher:
        assert await publisher.publish([]) == 0
