"""Asynchronous tests run under virtual time, each in several orders of what is ready at once."""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random

import pytest

from shared.eventsourcing.memory.virtual_time import VirtualLoop
from tests.unit.eventsourcing.toy import Installation

SEEDS = (1, 2, 3)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {f"seed {seed}": partial(_new_loop, seed) for seed in SEEDS}


def _new_loop(seed: int) -> VirtualLoop:
    return VirtualLoop(Random(seed))


@pytest.fixture
async def installation() -> Installation:
    """Empty tables and topics."""
    return Installation()
