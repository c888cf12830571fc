"""Runs of the fuzzer: chunks of inputs among good orders, each chunk in a world of its own."""

import gc
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache

from channels.publishing import intake_message
from shared.events.channel import ChannelOrderReceived
from tests.hostile.inputs import Input, hostile_input
from tests.hostile.orders import good_order, samples
from tests.hostile.verdict import NOBODY, Judge, lost
from tests.hostile.world import run

CHUNK = 1_000
"""Inputs of one world."""
GOOD_EVERY = 25
"""After so many inputs comes a good order."""
LONGEST_REPR = 4_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that an input broke."""

    seed: int
    number: int
    what: str
    input: Input | None

    def __str__(self) -> str:
        if self.input is None:
            return f"seed {self.seed}: {self.what}"
        told = repr(self.input)
        if len(told) > LONGEST_REPR:
            told = f"{told[:LONGEST_REPR]}… ({len(told)} characters)"
        return (
            f"seed {self.seed}, input {self.number}: {self.what}\n  {told}\n"
            f"  Replay it: python -m tests.hostile --seed {self.seed} --input {self.number}"
        )


@dataclass(slots=True)
class Outcome:
    """What became of a chunk."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def run_chunk(seed: int, first: int, count: int) -> Outcome:
    """Let the service take these inputs with good orders in between."""
    _collect_rarely()
    gc.collect()  # the world before this one
    mixed: list[tuple[int, Input]] = []
    goods: list[ChannelOrderReceived] = []
    for number in range(first, first + count):
        mixed.append((number, hostile_input(seed, number)))
        if number % GOOD_EVERY == 0:
            goods.append(good_order(f"{seed}-{number}", number))
            mixed.append((NOBODY, _as_input(goods[-1])))
    messages = [message for _, message in mixed]
    world, places = run(messages)
    verdict = Judge(world, messages, places).verdict()
    faults = [
        (*mixed[place], what) if place != NOBODY else (NOBODY, None, what) for place, what in verdict.findings
    ]
    faults += [(NOBODY, None, f"a good order is lost: {what}") for what in lost(world, goods)]
    return Outcome(count, verdict.outcomes, [Finding(seed, number, what, one) for number, one, what in faults])


def run_chunks(seed: int, chunks: Sequence[tuple[int, int]], jobs: int) -> Iterator[Outcome]:
    """Run chunks over several processes; each is told as soon as it has ended."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(run_chunk, seed, first, count) for first, count in chunks]
        try:
            for ended in as_completed(running):
                yield ended.result()
        finally:
            pool.shutdown(cancel_futures=True)


def chunks_of(inputs: int, first: int = 0) -> Sequence[tuple[int, int]]:
    """The first number and the count of each chunk of so many inputs."""
    return [(start, min(CHUNK, first + inputs - start)) for start in range(first, first + inputs, CHUNK)]


@cache
def _collect_rarely() -> None:
    """As a service's process does."""
    samples()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _as_input(order: ChannelOrderReceived) -> Input:
    message = intake_message(order)
    return Input("none", message.key, message.value, tuple(message.headers))
