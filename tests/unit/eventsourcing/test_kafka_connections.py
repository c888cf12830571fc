"""A client of Kafka whose broker went away connects again, whichever way it learns of it."""

import asyncio
from types import SimpleNamespace

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError

from shared.eventsourcing.kafka.connections import heed_closed_transports

REQUEST = SimpleNamespace(
    prepare=lambda versions: SimpleNamespace(
        build_request_header=lambda **identity: SimpleNamespace(encode=lambda: b"header"), encode=lambda: b"body"
    )
)


def test_a_request_over_a_closed_transport_says_that_the_connection_is_lost() -> None:
    heed_closed_transports()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask_over_a_closed_transport())


async def ask_over_a_closed_transport() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = AIOKafkaConnection("127.0.0.1", port, request_timeout_ms=1_000)
        connection._reader, connection._writer = await asyncio.open_connection("127.0.0.1", port)
        connection._writer.transport.abort()
        await asyncio.sleep(0.05)
        connection._read_task = asyncio.create_task(asyncio.sleep(60))  # who reads has not noticed yet

        with pytest.raises(KafkaConnectionError, match="broken"):
            await connection.send(REQUEST)

        assert not connection.connected()
