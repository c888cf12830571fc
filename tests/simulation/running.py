"""One seed in, a verdict out; and the smallest part of a failing world that still fails."""

import gc
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import structlog

from tests.simulation import faults as wrongs
from tests.simulation import workload as works
from tests.simulation.books import Finding
from tests.simulation.faults import Fault
from tests.simulation.processes import Exhausted
from tests.simulation.script import Stuck, play
from tests.simulation.trace import Trace
from tests.simulation.verdict import judge
from tests.simulation.workload import Workload
from tests.simulation.world import World, keeps_views, world

ORDERS = 20
FAULTS = 10
Bug = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided about a world before it begins."""

    seed: int
    workload: Workload
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended."""

    plan: Plan
    findings: tuple[Finding, ...]
    trace: Trace
    virtual_s: float
    cpu_s: float
    entries: int
    trouble: "Trouble"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What of the trouble in a world really came to pass."""

    struck: frozenset[Fault]
    met: Counter[tuple[str, str, str]]
    """How often a service asking for something met a fate."""
    fenced: Counter[str]
    """How often somebody was kept from going on with what others had taken over."""


def plan(seed: int, orders: int = ORDERS, faults: int = FAULTS) -> Plan:
    """What a seed stands for."""
    return Plan(
        seed,
        works.draw(Random(f"{seed}/workload"), orders),
        wrongs.draw(Random(f"{seed}/faults"), faults, views=keeps_views(seed)),
    )


def run(planned: Plan, bug: Bug = nullcontext) -> Outcome:
    """Run a world to its end, and judge it."""
    began = time.process_time()
    with quiet(), bug(), world(planned.seed) as one:
        one.troubled = bool(planned.faults)
        try:
            one.loop.run_until_complete(play(one, planned.workload, planned.faults))
        except Stuck:
            pass  # said in the books
        except Exhausted:
            last = "; ".join(islice(one.unrest(), 3))
            one.books.find("comes to rest", "the world", f"went on and on; last: {last}")
        except Exception as error:
            one.books.findings.append(_raised("the world", error))
        return Outcome(
            planned,
            _judged(one, planned.workload),
            one.trace,
            one.now,
            time.process_time() - began,
            sum(lane.head for site in one.sites.values() for lane in site.tables.lanes.values()),
            _trouble(one),
        )


def _judged(world: World, workload: Workload) -> tuple[Finding, ...]:
    for name, error in world.part_failed():
        world.books.find("a service keeps running", name, f"{type(error).__name__}: {error}")
    if world.books.findings:
        return tuple(world.books.findings)
    try:
        return tuple(judge(world, workload.statements()))
    except Exception as error:
        return (_raised("the judge", error),)


def _raised(who: str, error: Exception) -> Finding:
    """Who runs many worlds is told the seed of one that fails by itself."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error} (line {last.lineno} of {Path(last.filename).name})"
    return Finding("the simulation itself", who, what)


def _trouble(one: World) -> Trouble:
    met = Counter({(service, *told): n for service, wire in one.wires.items() for told, n in wire.met.items()})
    return Trouble(frozenset(one.struck), met, one.fenced)


def shrink(failed: Outcome, bug: Bug = nullcontext, report: Callable[[str], None] = lambda line: None) -> Outcome:
    """Leave out orders, stock movements and faults as long as the same rule is broken."""
    rule, smallest = failed.findings[0].rule, failed

    def still_fails(smaller: Plan) -> bool:
        nonlocal smallest
        outcome = run(smaller, bug)
        if any(finding.rule == rule for finding in outcome.findings):
            smallest = outcome
            size = f"{len(smaller.workload.orders)} orders, {len(smaller.faults)} faults"
            report(f"seed {smaller.seed}: still fails with {size}")
            return True
        return False

    changed = True
    while changed:
        changed = False
        for part in ("faults", "orders", "stock"):
            changed |= _shrunk(smallest.plan, part, still_fails)
    return smallest


def _shrunk(whole: Plan, part: str, still_fails: Callable[[Plan], bool]) -> bool:
    """Take pieces out of one part of the plan, larger pieces first."""
    items = list(_items(whole, part))
    size, shrunk = max(1, len(items) // 2), False
    while items and size:
        start = 0
        while start < len(items):
            fewer = items[:start] + items[start + size :]
            if still_fails(_with(whole, part, fewer)):
                items, whole, shrunk = fewer, _with(whole, part, fewer), True
            else:
                start += size
        size //= 2
    return shrunk


def _items(whole: Plan, part: str) -> Iterator[object]:
    yield from {"faults": whole.faults, "orders": whole.workload.orders, "stock": whole.workload.stock}[part]


def _with(whole: Plan, part: str, items: list[object]) -> Plan:
    kept = tuple(items)
    workload, faults = whole.workload, whole.faults
    match part:
        case "faults":
            faults = tuple(one for one in whole.faults if one in kept)
        case "orders":
            workload = Workload(tuple(one for one in workload.orders if one in kept), workload.stock)
        case _:
            workload = Workload(workload.orders, tuple(one for one in workload.stock if one in kept))
    return Plan(whole.seed, workload, faults)


@cache
def _freeze_once() -> None:
    """What is loaded stays loaded: the collector need not look at it before each world."""
    gc.freeze()


@contextmanager
def quiet() -> Iterator[None]:
    """No logs, and no collector in the middle of a world; what is left of the one before is cleared away."""
    before = structlog.get_config()
    level = logging.getLogger("asyncio").level
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    collecting = gc.isenabled()
    gc.disable()
    gc.collect()
    _freeze_once()
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.getLogger("asyncio").setLevel(level)
        if collecting:
            gc.enable()


def narrate(outcome: Outcome, most: int = 400) -> Iterator[str]:
    """A failed world as a person reads it."""
    lines = list(outcome.trace.lines())
    orders, faults = len(outcome.plan.workload.orders), len(outcome.plan.faults)
    yield f"seed {outcome.plan.seed}: {orders} orders, {faults} faults"
    yield from (line for line in lines[:-most] if " FAULT " in line)
    yield from lines[-most:]
    for finding in outcome.findings[:10]:
        yield f"FOUND  {finding}"
