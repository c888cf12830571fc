"""Each service behind a real HTTP server, on the store and the broker in memory."""

import asyncio
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from services.inventory import app as inventory
from services.inventory.settings import Settings as InventorySettings
from services.notification import app as notification
from services.notification.settings import Settings as NotificationSettings
from services.order import app as order
from services.order.settings import Settings as OrderSettings
from services.payment import app as payment
from services.payment.settings import Settings as PaymentSettings
from services.shipping import app as shipping
from services.shipping.settings import Settings as ShippingSettings
from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.settings import ServiceSettings
from tests.served import NO_SERVERS, an_api_key, serving

KEY = "everything"
"""The API key that may do all."""
NO_SCOPE = "nothing"
"""The API key that may do nothing."""
SECRET = "whsec_" + b64encode(b"what partners sign with").decode()
NOWHERE = "http://127.0.0.1:9"

_EVERY: dict[str, Any] = {
    **NO_SERVERS,
    "http_port": 0,
    "api_keys": (an_api_key(KEY, KEY, "*"), an_api_key(NO_SCOPE, NO_SCOPE)),
}


@dataclass(frozen=True, slots=True)
class Served:
    """A service that answers."""

    url: str
    openapi: dict[str, Any]
    tables: Tables
    """All that it has stored."""


def definition_of(service: str) -> tuple[ServiceSettings, ServiceDefinition]:
    """A service whose partners are away."""
    settings: Any
    match service:
        case "order":
            settings = OrderSettings(**_EVERY)
            return settings, order.definition(settings)
        case "inventory":
            settings = InventorySettings(**_EVERY)
            return settings, inventory.definition(settings)
        case "payment":
            given: dict[str, Any] = {"gateway_url": NOWHERE, "gateway_key": "k", "gateway_webhook_secret": SECRET}
            settings = PaymentSettings(**_EVERY, **given)
            return settings, payment.definition(settings)
        case "shipping":
            given = {"carrier_url": NOWHERE, "carrier_key": "k", "carrier_webhook_secret": SECRET}
            settings = ShippingSettings(**_EVERY, **given)
            return settings, shipping.definition(settings)
        case _:
            given = {"smtp_host": "127.0.0.1", "smtp_port": 9, "mail_from": "shop@example.com"}
            settings = NotificationSettings(**_EVERY, **given)
            return settings, notification.definition(settings)


@contextmanager
def served(service: str) -> Iterator[Served]:
    """A service that runs in a thread of its own until the block ends."""
    up = threading.Event()
    known: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: asyncio.run(_serve(service, known, up)), daemon=True)
    thread.start()
    assert up.wait(30), f"{service} does not start"
    try:
        yield Served(known["url"], known["openapi"], known["tables"])
    finally:
        known["server"].should_exit = True
        thread.join(30)


async def _serve(service: str, known: dict[str, Any], up: threading.Event) -> None:
    async with serving(*definition_of(service)) as running:
        server = uvicorn.Server(uvicorn.Config(running.app, log_config=None, access_log=False, lifespan="off"))
        with socket.create_server(("127.0.0.1", 0)) as door:
            # As a server that opens its own door has it: an answer in two parts waits for no acknowledgement.
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            url = f"http://127.0.0.1:{door.getsockname()[1]}"
            known |= {"url": url, "openapi": running.app.openapi(), "tables": running.tables, "server": server}
            up.set()
            await server.serve(sockets=[door])
