"""Many worlds at once, over several cores."""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from tests.simulation.running import FAULTS, ORDERS, plan, run

AHEAD = 4
"""Worlds that each worker has waiting."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one seed."""

    seed: int
    findings: tuple[str, ...]
    cpu_s: float


def run_seed(seed: int, orders: int = ORDERS, faults: int = FAULTS) -> Ran:
    """Run one world."""
    outcome = run(plan(seed, orders, faults))
    return Ran(seed, tuple(str(finding) for finding in outcome.findings), outcome.cpu_s)


def run_seeds(seeds: Iterable[int], jobs: int, orders: int = ORDERS, faults: int = FAULTS) -> Iterator[Ran]:
    """Run worlds over several processes; each is told as soon as it has ended."""
    coming = iter(seeds)
    with _workers(jobs) as pool:
        running: set[Future[Ran]] = set()
        while True:
            for seed in coming:
                running.add(pool.submit(run_seed, seed, orders, faults))
                if len(running) >= jobs * AHEAD:
                    break
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_interrupts_to_the_parent
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
