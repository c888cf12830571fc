"""The payment gateway as a process: its options, start and end."""

import asyncio
from argparse import Namespace
from datetime import timedelta

from simulators import process
from simulators.faults import FaultRates
from simulators.gateway.app import Gateway
from simulators.gateway.books import SCHEMA
from simulators.gateway.rules import Terms
from simulators.ledger import Ledger
from simulators.surface import Surface
from simulators.webhooks import add_webhook_options, courier_for, outbox_for

PROG = "simulators.gateway"
MODES = ("up", "down", "slow", "refuse")


def options() -> Namespace:
    parser = process.OptionParser(prog=PROG, description="A payment gateway with a ledger of its own.")
    process.add_service_options(parser)
    add_webhook_options(parser)
    share, number = process.share, process.not_negative
    parser.add_argument("--decline", type=share, default=0.02, help="share of authorisations declined")
    parser.add_argument("--timeout-after-effect", type=share, default=0.01, help="share that happens unanswered")
    parser.add_argument("--timeout-before-effect", type=share, default=0.003, help="share lost without effect")
    parser.add_argument(
        "--server-error", type=share, default=0.01, help="share answered 500, half after the effect"
    )
    parser.add_argument("--authorisation-lifetime-hours", type=number, default=168.0, help="until one expires")
    parser.add_argument("--short-lifetime-s", type=number, default=2.0, help="the same for tok_expires_soon")
    return parser.parse_args()


async def serve(given: Namespace, stop: asyncio.Event) -> None:
    surface = Surface(key=given.key, modes=MODES, latency_s=given.latency_ms / 1000, hold_s=given.hold_s)
    ledger = Ledger(given.state / "gateway.sqlite3", SCHEMA)
    try:
        courier = courier_for(given, ledger, surface.switch)
        app = Gateway(ledger, _terms(given), surface, courier).application()
        runner, port = await process.listen(app, given.host, given.port)
        process.log("started", simulator="gateway", host=given.host, port=port, seed=given.seed)
        async with process.background(stop, *([courier.run()] if courier is not None else [])):
            await stop.wait()
        process.log("stopping", simulator="gateway")
        await runner.cleanup()
    finally:
        ledger.close()


def _terms(given: Namespace) -> Terms:
    return Terms(
        rates=FaultRates(
            seed=given.seed,
            timeout_before_effect=given.timeout_before_effect,
            timeout_after_effect=given.timeout_after_effect,
            server_error=given.server_error,
        ),
        decline=given.decline,
        lifetime=timedelta(hours=given.authorisation_lifetime_hours),
        short_lifetime=timedelta(seconds=given.short_lifetime_s),
        outbox=outbox_for(given),
    )


if __name__ == "__main__":
    arguments = options()
    process.run(PROG, lambda stop: serve(arguments, stop))
