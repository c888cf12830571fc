"""How lanes are shared out between the instances of a service."""

from collections import Counter
from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from shared.eventsourcing.allotment import allot
from shared.eventsourcing.lanes import LANES

NOBODY = ""


def rounds(owner_of: dict[int, str], near: Mapping[str, Collection[int]], number: int) -> None:
    """Let every instance ask so many times in turn."""
    for _ in range(number):
        for name in near:
            share = allot(
                [lane for lane in range(LANES) if owner_of[lane] == name],
                [lane for lane in range(LANES) if owner_of[lane] == NOBODY],
                near[name],
                [lanes for other, lanes in near.items() if other != name],
            )
            owner_of.update(dict.fromkeys(share.given_up, NOBODY))
            owner_of.update(dict.fromkeys(share.taken, name))


@given(
    writers=st.lists(st.sampled_from(["a", "b", "c", NOBODY]), min_size=LANES, max_size=LANES),
    holders=st.lists(st.sampled_from(["a", "b", "c", NOBODY]), min_size=LANES, max_size=LANES),
)
def test_lanes_come_to_rest_with_who_writes_them_whoever_held_them_before(
    writers: list[str], holders: list[str]
) -> None:
    # given three instances that each write some lanes, and hold any
    near = {name: [lane for lane in range(LANES) if writers[lane] == name] for name in "abc"}
    owner_of = dict(enumerate(holders))

    # when each has asked a few times
    rounds(owner_of, near, 3)
    settled = dict(owner_of)
    rounds(owner_of, near, 2)

    # then each has what it writes, the rest is shared out, and nothing moves any more
    left = Counter(owner_of[lane] for lane in range(LANES) if writers[lane] == NOBODY)
    assert all(owner_of[lane] == writers[lane] for lane in range(LANES) if writers[lane] != NOBODY)
    assert NOBODY not in owner_of.values()
    assert max(left.values(), default=0) <= -(-left.total() // 3)
    assert owner_of == settled


def test_a_lane_that_two_write_stays_with_who_holds_it() -> None:
    # given two instances that both write lane 3, and one that holds it
    # when each asks
    holder = allot([3], [], near=[3], others=[[3]])
    other = allot([], [], near=[3], others=[[3]])

    # then it stays
    assert (holder.kept, holder.given_up, other.taken) == ([3], [], [])
