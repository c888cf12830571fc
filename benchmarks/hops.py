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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.orders import orders
from benchmarks.road import confirmations, place, stack_for_benchmarks
from channels.publishing import IntakeMessage, OrderPublisher, intake_message
from deploy.local.description import Description
from deploy.local.topics import SERVICES
from shared.eventsourcing.kafka.security import KafkaAccess

WARM_UP = 500
HERTZ = 250

HOPS: Mapping[str, tuple[str, ...]] = {
    "mail and calls to partners": ("_carry_out (",),
    "view": ("Projector.run (",),
    "relay: find, write headers": ("_outgoing (", "LaneReader.", "_contiguous ("),
    "relay: produce": ("Relay.run (", "Sender.", "MessageAccumulator.", "AIOKafkaProducer."),
    "effects": ("EffectWorker.",),
    "fetch and unpack": ("Fetcher.", "FetchResult.", "AIOKafkaConsumer.", "PartitionRecords."),
    "parse": ("translate (", "KafkaBroker._record ("),
    "claim": ("Pipeline._claim (",),
    "load": ("PostgresTransaction.load (", "PostgresTransaction.lock_lanes (", "StateCodec.decode ("),
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
    with TemporaryDirectory() as folder, stack_for_benchmarks() as description:
        stacks = arguments.stacks or Path(folder)
        stacks.mkdir(parents=True, exist_ok=True)
        seconds, spent = asyncio.run(_observed(description, batch, arguments.rate, stacks))
        print(f"{arguments.orders / seconds:.0f} orders/s; microseconds of processor an order:")
        for name, micros in sorted(spent.items(), key=lambda one: -one[1]):
            print(f"{name:14}{micros:7.0f}")
        print(f"{'all':14}{sum(spent.values()):7.0f}\n")
        _print_hops({of: _hops(stacks / f"{of}.folded") for of in SERVICES}, spent)


async def _observed(
    description: Description, batch: Sequence[IntakeMessage], rate: float, stacks: Path
) -> tuple[float, dict[str, float]]:
    """Seconds that the orders took, and microseconds an order by process."""
    warm_up = [intake_message(order) for order in orders(WARM_UP)]
    async with confirmations(description) as watch:
        await asyncio.gather(place(description, warm_up), watch.until(WARM_UP))
        await asyncio.sleep(3)
        with _sampled(stacks):
            await asyncio.sleep(1)
            before, began = _seconds_by_process(), time.time()
            work = _place_steadily(description, batch, rate) if rate else place(description, batch)
            await asyncio.gather(work, watch.until(WARM_UP + len(batch)))
            took = max(watch.at_ms.values()) / 1000 - began
            after = _seconds_by_process()
    return took, {name: (after[name] - before.get(name, 0)) / len(batch) * 1e6 for name in after}


async def _place_steadily(description: Description, batch: Sequence[IntakeMessage], rate: float) -> None:
    began = time.monotonic()
    async with OrderPublisher(
        KafkaAccess(bootstrap=description.kafka), prefix=description.topic_prefix
    ) as publisher:
        for number, message in enumerate(batch):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            await publisher.deliver([message])


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


def _seconds_by_process() -> Counter[str]:
    """Seconds of processor so far, in user code and in the kernel; servers with all their processes."""
    spent: Counter[str] = Counter()
    for name, process in _processes():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent[name] += times.user + times.system  # type: ignore[assignment]  # a counter of seconds
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
