"""Webhooks as the gateway and the carrier send them, or as a forger does."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
from standardwebhooks.webhooks import Webhook

from oms.client import Json
from tests.e2e.orders import fresh
from tests.e2e.shop import Shop

OF = {"gateway": "payment", "carrier": "shipping"}


def send(
    shop: Shop, of: str, body: bytes, *, secret: str = "", name: str = "", at: datetime | None = None
) -> httpx2.Response:
    """A webhook as its sender makes it, or as a forger does."""
    moment = at or datetime.now(UTC)
    name = name or fresh("msg")
    signature = Webhook(secret or shop.webhook_secret(of)).sign(name, moment, body.decode())
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    return shop.ask("POST", OF[of], f"/webhooks/{of}", key="", content=body, headers=headers)


def report(shipment: Json, kind: str, at: datetime, **changes: Any) -> bytes:
    data = {
        "tracking_number": shipment["tracking_number"],
        "label_id": "lbl",
        "reference": shipment["fulfilment_id"],
        "occurred_at": at.isoformat(),
        "location": "Newark hub",
        "estimated_at": None,
        "reason": None,
        **changes,
    }
    return orjson.dumps({"type": f"parcel.{kind}", "timestamp": at.isoformat(), "data": data})
