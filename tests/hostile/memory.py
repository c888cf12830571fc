"""How much memory something takes."""

import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(slots=True)
class Peak:
    """The most at any time; known when the block has ended."""

    mebibytes: float = 0.0


@contextmanager
def peak_of_objects() -> Iterator[Peak]:
    """What Python objects that are made in the block take at most."""
    peak = Peak()
    tracemalloc.start()
    try:
        yield peak
        peak.mebibytes = tracemalloc.get_traced_memory()[1] / MEBIBYTE
    finally:
        tracemalloc.stop()


@contextmanager
def peak_of_process() -> Iterator[Peak]:
    """What the process takes at most; 0 where the block takes no more than was taken before it."""
    peak, before = Peak(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield peak
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak.mebibytes = after / 1024 if after > before else 0.0
