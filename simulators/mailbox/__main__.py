"""The mail sink as a process: its options, start and end."""

import asyncio
from argparse import Namespace
from pathlib import Path

from simulators import process
from simulators.ledger import Ledger
from simulators.mailbox.app import Mailbox
from simulators.mailbox.door import REJECTIONS, Door
from simulators.mailbox.mails import SCHEMA
from simulators.surface import Surface

PROG = "simulators.mailbox"


def options() -> Namespace:
    parser = process.OptionParser(prog=PROG, description="An SMTP server that keeps every mail and delivers none.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--smtp-port", type=process.port, default=0, help="0 takes a free one")
    parser.add_argument("--http-port", type=process.port, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="directory of the mails")
    return parser.parse_args()


async def serve(given: Namespace, stop: asyncio.Event) -> None:
    surface = Surface(key=None, modes=("up", *REJECTIONS))
    ledger = Ledger(given.state / "mailbox.sqlite3", SCHEMA)
    try:
        door = Door(ledger, surface.switch, given.host, given.smtp_port)
        surface.on_mode = door.set_mode
        await door.open()
        surface.health["smtp_port"] = door.port
        runner, port = await process.listen(Mailbox(ledger, surface).application(), given.host, given.http_port)
        process.log("started", simulator="mailbox", host=given.host, http_port=port, smtp_port=door.port)
        await stop.wait()
        process.log("stopping", simulator="mailbox")
        door.close()
        await runner.cleanup()
    finally:
        ledger.close()


if __name__ == "__main__":
    arguments = options()
    process.run(PROG, lambda stop: serve(arguments, stop))
