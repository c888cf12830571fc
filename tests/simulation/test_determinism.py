"""One seed, one world: in every process, whatever the seed of its hashes."""

import os
import subprocess
import sys

import pytest

from tests.simulation.running import plan, run


def _story(seed: int, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--digest"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("seed", [3, 17, 40])
def test_the_same_seed_tells_the_same_story_in_every_process(seed: int) -> None:
    first, second = _story(seed, "1"), _story(seed, "2")

    assert len(first) == 64
    assert first == second


def test_the_same_seed_tells_the_same_story_twice_in_one_process() -> None:
    assert run(plan(5)).trace.digest() == run(plan(5)).trace.digest()


def test_another_seed_tells_another_story() -> None:
    assert run(plan(5)).trace.digest() != run(plan(6)).trace.digest()
