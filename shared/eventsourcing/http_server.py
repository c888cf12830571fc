"""The HTTP server of a service: it takes its address before all else, and listens there when all else works."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


@contextmanager
def address_of(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """Sockets that have the address and do not listen yet: whoever comes too early finds nobody.

    Raises:
        OSError: another process listens there, or it is no address of this machine; one line.
    """
    with ExitStack() as stack:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            taken = [stack.enter_context(_bound(family, address)) for family, _, _, _, address in found]
        except OSError as error:
            why = error.strerror or str(error)
            raise OSError(f"OMS_HTTP_HOST={host} with OMS_HTTP_PORT={port} can't be had: {why}") from error
        yield taken


def http_server(app: FastAPI) -> uvicorn.Server:
    """A server for sockets that are its own."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
