"""A connection whose transport is closed already is lost, and no fault of the program."""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def heed_closed_transports() -> None:
    """Let every client of the process take a closed transport for a lost connection, and connect again.

    Between the end of a broker and the moment in which the client notices, uvloop refuses to write with a
    RuntimeError, where asyncio's own loop has an OSError or none. aiokafka knows the OSError alone: by the other
    a consumer's coordination ended for good, and the service took in nothing more until it was started again.
    """
    AIOKafkaConnection.send = _sent_or_lost


def _sent_or_lost(connection: Any, request: Any, expect_response: bool = True) -> Any:
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} broken: {error}") from error
