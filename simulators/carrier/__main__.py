"""The carrier as a process: its options, start and end."""

import argparse
import asyncio
import re
from argparse import Namespace

from simulators import process
from simulators.carrier.app import Carrier
from simulators.carrier.books import SCHEMA
from simulators.carrier.journey import Fate, Network
from simulators.carrier.labels import Terms
from simulators.faults import FaultRates
from simulators.ledger import Ledger
from simulators.surface import Surface
from simulators.webhooks import add_webhook_options, courier_for, outbox_for

PROG = "simulators.carrier"
MODES = ("up", "down", "slow", "refuse")


def options() -> Namespace:
    parser = process.OptionParser(prog=PROG, description="A parcel carrier with a ledger of its own.")
    process.add_service_options(parser)
    add_webhook_options(parser)
    share, number = process.share, process.not_negative
    parser.add_argument("--refuse", type=share, default=0.003, help="share of addresses refused")
    parser.add_argument("--delay", type=share, default=0.02, help="share of parcels delayed")
    parser.add_argument("--exception", type=share, default=0.005, help="share whose first delivery attempt fails")
    parser.add_argument("--pace", type=number, default=1.0, help="seconds from hand-over to delivery")
    parser.add_argument("--timeout-after-effect", type=share, default=0.0, help="share that happens unanswered")
    parser.add_argument(
        "--server-error", type=share, default=0.0, help="share answered 500, half after the effect"
    )
    parser.add_argument("--currency", type=_currency, default="USD", help="of all prices (default %(default)s)")
    return parser.parse_args()


async def serve(given: Namespace, stop: asyncio.Event) -> None:
    surface = Surface(key=given.key, modes=MODES, latency_s=given.latency_ms / 1000, hold_s=given.hold_s)
    ledger = Ledger(given.state / "carrier.sqlite3", SCHEMA)
    try:
        courier = courier_for(given, ledger, surface.switch)
        network = Network(ledger, outbox_for(given), courier.wake if courier is not None else lambda: None)
        app = Carrier(ledger, _terms(given), surface, network).application()
        runner, port = await process.listen(app, given.host, given.port)
        process.log("started", simulator="carrier", host=given.host, port=port, seed=given.seed)
        async with process.background(stop, network.run(), *([courier.run()] if courier is not None else [])):
            await stop.wait()
        process.log("stopping", simulator="carrier")
        await runner.cleanup()
    finally:
        ledger.close()


def _terms(given: Namespace) -> Terms:
    return Terms(
        rates=FaultRates(
            seed=given.seed, timeout_after_effect=given.timeout_after_effect, server_error=given.server_error
        ),
        refuse=given.refuse,
        fate=Fate(seed=given.seed, delay=given.delay, exception=given.exception, pace=given.pace),
        currency=given.currency,
    )


def _currency(text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        raise argparse.ArgumentTypeError(f"{text} is not an ISO 4217 code")
    return text


if __name__ == "__main__":
    arguments = options()
    process.run(PROG, lambda stop: serve(arguments, stop))
