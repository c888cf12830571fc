"""Signed webhooks from a durable outbox: at least once, some twice, some late, by seed."""

import asyncio
import hashlib
import os
import sqlite3
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from simulators.faults import Switch, draw
from simulators.ledger import Ledger, now
from simulators.process import log, share

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT NOT NULL,
    body BLOB NOT NULL,
    due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS delivery_by_due ON delivery (due);
"""
PATIENCE_S = 5.0
MOST_AT_ONCE = 128
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 5.0
LONGEST_PAUSE_S = 2.0
POLL_S = 0.5
GATHER_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Where webhooks are put, in the same commit as the effect they tell of."""

    seed: int
    double: float
    shuffle: float
    enabled: bool

    def put(self, db: sqlite3.Connection, kind: str, at: str, data: dict[str, Any], *scope: object) -> None:
        """Queue one webhook; the scope names the event for the seed, whatever its ids."""
        if not self.enabled:
            return
        body = orjson.dumps({"type": kind, "timestamp": at, "data": data})
        webhook_id = "msg_" + hashlib.sha256(body).hexdigest()[:24]
        due = time.time()
        if draw(self.seed, "shuffle", kind, *scope) < self.shuffle:
            due += 0.1 + 0.9 * draw(self.seed, "shuffle by", kind, *scope)
        copies = [due]
        if draw(self.seed, "double", kind, *scope) < self.double:
            copies.append(due + draw(self.seed, "double after", kind, *scope))
        db.executemany(
            "INSERT INTO delivery (webhook_id, body, due) VALUES (?, ?, ?)",
            [(webhook_id, body, each) for each in copies],
        )


class Courier:
    """Delivers what is in the outbox until each is answered 2xx.

    While the receiver can't be reached it is probed with one delivery at a time: a long absence costs little.
    """

    def __init__(self, ledger: Ledger, switch: Switch, url: str, signer: Webhook) -> None:
        self._ledger = ledger
        self._switch = switch
        self._url = url
        self._signer = signer
        self._wake = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._pause_s = 0.0

    def wake(self) -> None:
        """Something new may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        connector = aiohttp.TCPConnector(limit=MOST_AT_ONCE, keepalive_timeout=2)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            try:
                while True:
                    wait = await self._send_due(session)
                    await self._sleep(wait)
            finally:
                for task in self._under_way.values():
                    task.cancel()

    async def _sleep(self, wait: float) -> None:
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        await asyncio.sleep(max(GATHER_S, self._pause_s))

    async def _send_due(self, session: aiohttp.ClientSession) -> float:
        """Start what is due and there is room for; return seconds until the next look."""
        most = 1 if self._pause_s else MOST_AT_ONCE
        room = most - len(self._under_way)
        if room <= 0 or self._switch.mode == "down":
            return POLL_S
        rows = await self._ledger.run(lambda db: _next(db, most + len(self._under_way)))
        waiting = [row for row in rows if row["id"] not in self._under_way]
        for row in waiting[:room]:
            if row["due"] > time.time():
                return min(POLL_S, float(row["due"]) - time.time())
            self._under_way[row["id"]] = asyncio.create_task(self._deliver(session, row))
        return POLL_S

    async def _deliver(self, session: aiohttp.ClientSession, row: sqlite3.Row) -> None:
        try:
            accepted = await self._post(session, row["webhook_id"], row["body"])
            await self._ledger.run(lambda db: _delivered(db, row) if accepted else _again(db, row))
        finally:
            del self._under_way[row["id"]]
            if len(self._under_way) < MOST_AT_ONCE / 2:
                self.wake()

    async def _post(self, session: aiohttp.ClientSession, webhook_id: str, body: bytes) -> bool:
        headers = self._headers(webhook_id, body, now())
        try:
            async with session.post(self._url, data=body, headers=headers) as response:
                await response.read()
                reached, accepted = True, 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            reached, accepted = False, False
        if not reached:
            if not self._pause_s:
                log("webhooks_unreachable", url=self._url)
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_RETRY_S, self._pause_s * 2))
        elif self._pause_s:
            self._pause_s = 0.0
            log("webhooks_reachable", url=self._url)
        return accepted

    def _headers(self, webhook_id: str, body: bytes, at: datetime) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(webhook_id, at, body.decode()),
        }


def add_webhook_options(parser: ArgumentParser) -> None:
    parser.add_argument("--webhook-url", help="where webhooks go; without it there are none")
    parser.add_argument(
        "--webhook-secret",
        type=_signer,
        default=os.environ.get("SIMULATOR_WEBHOOK_SECRET"),
        help="whsec_<base64>, needed with --webhook-url; or SIMULATOR_WEBHOOK_SECRET",
    )
    parser.add_argument("--webhook-double", type=share, default=0.05, help="share of webhooks sent twice")
    parser.add_argument("--webhook-shuffle", type=share, default=0.05, help="share of webhooks held back a while")


def outbox_for(options: Namespace) -> Outbox:
    return Outbox(
        seed=options.seed,
        double=options.webhook_double,
        shuffle=options.webhook_shuffle,
        enabled=options.webhook_url is not None,
    )


def courier_for(options: Namespace, ledger: Ledger, switch: Switch) -> Courier | None:
    """The courier that the options ask for, if any. Raises OSError for an address without a secret."""
    if options.webhook_url is None:
        return None
    if options.webhook_secret is None:
        raise OSError("--webhook-url needs --webhook-secret")
    return Courier(ledger, switch, options.webhook_url, options.webhook_secret)


def _signer(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (ValueError, EmptyWebhookSecretError):
        raise ArgumentTypeError("it must be whsec_ and base64") from None


def _next(db: sqlite3.Connection, limit: int) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM delivery ORDER BY due, id LIMIT ?", (limit,)).fetchall()


def _delivered(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    db.execute("DELETE FROM delivery WHERE id = ?", (row["id"],))


def _again(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    wait = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(row["attempts"], 10))
    db.execute(
        "UPDATE delivery SET due = ?, attempts = attempts + 1 WHERE id = ?", (time.time() + wait, row["id"])
    )
