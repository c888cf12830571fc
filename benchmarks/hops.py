"""Where an order's processor time goes, hop by hop: processes by the kernel's account, services by samples.

`python -m benchmarks.hops` runs the placement saga while py-spy samples the services. A sample is booked under the
first hop of `HOPS` whose functions are on its stack. Needs py-spy on the path. At a steady rate (`--rate 50`) it
shows what small batches cost instead.
"""

import argparse
import asyncio
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.orders import orders, stock
from channels.publishing import BATCH, IntakeMessage, OrderPublisher, intake_message
from deploy.local.components import MAILBOX, service, simulator
from deploy.local.stack import Stack
from deploy.local.topics import SERVICES
from oms.client import Client
from shared.eventsourcing.kafka.security import KafkaAccess

WARM_UP = 500
HERTZ = 250
PATIENCE_S = 240
COMPONENTS = (
    simulator("gateway", "--decline", "0", "--server-error", "0", "--timeout-after-effect", "0"),
    simulator("carrier"),
    MAILBOX,
    *(service(name) for name in SERVICES),
)
SETTINGS = {name: {"OMS_LOG_LEVEL": "warning"} for name in SERVICES} | {"shipping": {"OMS_WAREHOUSE": "manual"}}
"""Nobody is at the warehouse: an order's road ends with its confirmation."""

HOPS: Mapping[str, tuple[str, ...]] = {
    "mail and calls to partners": ("_carry_out (",),
    "view": ("Projector.run (",),
    "relay: find, write headers": ("_outgoing (", "LaneReader.", "_contiguous ("),
    "relay: produce": ("Relay.run (", "Sender.", "MessageAccumulator.", "AIOKafkaProducer."),
    "effects": ("EffectWorker.",),
    "fetch and unpack": ("Fetcher.", "FetchResult.", "AIOKafkaConsumer.", "PartitionRecords."),
    "parse": ("translate (", "KafkaBroker._record ("),
    "claim": ("Pipeline._claim (",),
    "load": ("PostgresTransaction.load (", "StateCodec.decode ("),
    "decide": ("decide_batch (",),
    "serialise": ("seal (",),
    "append": ("PostgresTransaction.append (",),
    "begin, commit, answer": ("Pipeline.run (",),
    "offsets, heartbeats": ("GroupCoordinator.", "_BatchInHand.", "Heartbeat"),
    "broker's answers": ("AIOKafkaConnection.",),
    "reminders, leases": ("Reminders.",),
    "database driver, between": ("asyncpg/",),
}
"""Function or file, as py-spy names it; the first hop that has one of a sample's functions takes the sample."""
REST = "event loop, sockets, the rest"
"""What runs beneath no function of ours: the loop itself, and the drivers' reading of what comes in."""


def main() -> None:
    """Run the saga under observation and print the accounts."""
    parser = argparse.ArgumentParser(prog="benchmarks.hops", description=__doc__)
    parser.add_argument("--orders", type=int, default=4_000)
    parser.add_argument("--rate", type=float, default=0, help="orders a second; 0: as fast as it goes")
    parser.add_argument("--card", action="store_true", help="paid by card, not prepaid")
    parser.add_argument("--stacks", type=Path, help="keep the samples here, for flame graphs")
    arguments = parser.parse_args()
    batch = [intake_message(order) for order in orders(arguments.orders, card=arguments.card)]
    with TemporaryDirectory() as folder:
        stacks = arguments.stacks or Path(folder) / "stacks"
        stacks.mkdir(parents=True, exist_ok=True)
        stack = Stack(Path(folder) / "state", components=COMPONENTS, environment=SETTINGS)
        try:
            with Client(stack.start()) as client:
                seconds, spent = _observed(client, batch, arguments.rate, stacks)
        finally:
            stack.discard()
        print(f"{arguments.orders / seconds:.0f} orders/s; microseconds of processor an order:")
        for name, micros in sorted(spent.items(), key=lambda one: -one[1]):
            print(f"{name:14}{micros:7.0f}")
        print(f"{'all':14}{sum(spent.values()):7.0f}\n")
        _print_hops({of: _hops(stacks / f"{of}.folded") for of in SERVICES}, spent)


def _observed(
    client: Client, batch: Sequence[IntakeMessage], rate: float, stacks: Path
) -> tuple[float, dict[str, float]]:
    """Seconds that the orders took, and microseconds of processor an order by process."""
    client.post("inventory", "/stock/bulk-receive", {"lines": [one.model_dump() for one in stock()]})
    asyncio.run(_place(client, [intake_message(order) for order in orders(WARM_UP)], 0))
    _until_confirmed(client, WARM_UP)
    time.sleep(3)
    with _sampled(stacks):
        time.sleep(1)
        before, began = _seconds_by_process(), time.monotonic()
        asyncio.run(_place(client, batch, rate))
        _until_confirmed(client, WARM_UP + len(batch))
        seconds, after = time.monotonic() - began, _seconds_by_process()
    return seconds, {name: (after[name] - before.get(name, 0)) / len(batch) * 1e6 for name in after}


async def _place(client: Client, messages: Sequence[IntakeMessage], rate: float) -> None:
    """Publish orders, so many a second or as fast as the broker takes them."""
    known, began = client.stack, time.monotonic()
    at_once = 1 if rate else BATCH
    async with OrderPublisher(KafkaAccess(bootstrap=known.kafka), prefix=known.topic_prefix) as publisher:
        for start in range(0, len(messages), at_once):
            await asyncio.sleep(max(0.0, began + start / rate - time.monotonic()) if rate else 0)
            await publisher.deliver(messages[start : start + at_once])


def _until_confirmed(client: Client, number: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while client.get("order", "/orders/summary")["statuses"].get("confirmed", 0) < number:
        if time.monotonic() > deadline:
            raise SystemExit(f"{number} orders were not confirmed in {PATIENCE_S} s")
        time.sleep(0.5)


@contextmanager
def _sampled(stacks: Path) -> Iterator[None]:
    """Let py-spy look at every service."""
    py_spy = shutil.which("py-spy")
    if py_spy is None:
        raise SystemExit("py-spy is not on the path: pip install py-spy")
    watching = [
        subprocess.Popen(
            [
                py_spy,
                "record",
                "-r",
                str(HERTZ),
                "-d",
                "600",
                "-f",
                "raw",
                "-o",
                stacks / f"{of}.folded",
                "-p",
                str(pid),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for of, pid in _services()
    ]
    try:
        yield
    finally:
        for one in watching:
            one.send_signal(2)  # it writes what it has
        for one in watching:
            one.wait(30)


def _services() -> Iterator[tuple[str, int]]:
    for name, process in _processes():
        if name in SERVICES:
            yield name, process.pid


def _processes() -> Iterator[tuple[str, psutil.Process]]:
    """What the stack runs, by a short name."""
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        for of in SERVICES:
            if f"services.{of}" in command:
                yield of, process
        if "kafka.Kafka" in command:
            yield "kafka", process
        elif "postgres" in command:
            yield "postgres", process


def _seconds_by_process() -> dict[str, float]:
    """Seconds of processor so far, in user code and in the kernel; servers with all their processes."""
    spent: defaultdict[str, float] = defaultdict(float)
    for name, process in _processes():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent[name] += times.user + times.system
    return spent


def _hops(samples: Path) -> dict[str, float]:
    """Share of the samples by hop."""
    found: Counter[str] = Counter()
    for line in samples.read_text().splitlines():
        stack, _, number = line.rpartition(" ")
        if "(threading.py" not in stack:  # a thread that waits
            found[_hop(stack)] += int(number)
    total = sum(found.values()) or 1
    return {hop: number / total for hop, number in found.items()}


def _hop(stack: str) -> str:
    return next((hop for hop, marks in HOPS.items() if any(mark in stack for mark in marks)), REST)


def _print_hops(shares: Mapping[str, Mapping[str, float]], spent: Mapping[str, float]) -> None:
    print(f"{'':30}" + "".join(f"{of:>14}" for of in SERVICES) + f"{'all':>9}")
    for hop in (*HOPS, REST):
        row = [shares[of].get(hop, 0.0) * spent[of] for of in SERVICES]
        print(f"{hop:30}" + "".join(f"{micros:14.0f}" for micros in row) + f"{sum(row):9.0f}")


if __name__ == "__main__":
    main()
