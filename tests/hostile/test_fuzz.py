"""Hostile inputs to the intake, among good orders."""

import pytest

from tests.hostile.fuzzing import chunks_of, run_chunk
from tests.hostile.inputs import Input, hostile_input  # noqa: F401 - a repr is read again by its name
from tests.hostile.memory import peak_of_process

INPUTS = 100_000
SEED = 1
CHUNKS = chunks_of(INPUTS)
MOST_MIB = 512
"""A process that reads them holds no more at any time; each chunk's whole store and topics are part of it."""


@pytest.mark.parametrize(("first", "count"), CHUNKS, ids=[str(first) for first, _ in CHUNKS])
def test_each_is_taken_as_it_says_or_given_back_and_no_good_order_is_lost(first: int, count: int) -> None:
    with peak_of_process() as peak:
        outcome = run_chunk(SEED, first, count)

    assert not outcome.findings, "\n".join(map(str, outcome.findings[:5]))
    assert peak.mebibytes < MOST_MIB


def test_an_input_is_the_same_whenever_it_is_made_and_its_repr_makes_it_again() -> None:
    for number in range(300):
        made = hostile_input(SEED, number)
        assert hostile_input(SEED, number) == made
        assert eval(repr(made)) == made  # noqa: S307 - it is our own


def test_other_seeds_make_other_inputs() -> None:
    assert [hostile_input(1, number) for number in range(50)] != [hostile_input(2, number) for number in range(50)]


def test_a_chunk_meets_every_way_in_which_an_input_can_end() -> None:
    ends = run_chunk(SEED, 0, 4_000).outcomes

    assert {"taken", "again", "malformed", "unknown_type", "conflicting_restatement"} <= ends.keys()
    assert {"no_lines", "quantity_not_positive", "totals_do_not_add_up", "unknown_country"} <= ends.keys()
