"""One seed is one plan, and a plan has every sort of trouble as often as its pace says."""

from collections import Counter
from itertools import pairwise

from deploy.local.topics import SERVICES
from tests.chaos.plan import COMPRESSED, LINES, Kind, Pace, Trouble, plan

FIVE_MINUTES = 300.0


def _of(troubles: tuple[Trouble, ...], kind: Kind, *targets: str) -> list[Trouble]:
    return [one for one in troubles if one.kind is kind and one.target in targets]


def test_the_same_seed_is_the_same_plan_and_another_one_another() -> None:
    assert plan(7, FIVE_MINUTES) == plan(7, FIVE_MINUTES)
    assert plan(7, FIVE_MINUTES) != plan(8, FIVE_MINUTES)


def test_troubles_come_in_the_order_of_their_times_and_none_begins_after_the_load() -> None:
    times = [one.at_s for one in plan(1, FIVE_MINUTES)]

    assert times == sorted(times)
    assert times[-1] <= FIVE_MINUTES


def test_a_longer_plan_begins_as_the_shorter_one_does() -> None:
    shorter, longer = plan(3, 60), plan(3, FIVE_MINUTES)

    assert longer[: len(shorter)] == shorter


def test_services_are_killed_every_three_to_ten_seconds() -> None:
    killed = _of(plan(1, FIVE_MINUTES), Kind.kill, *SERVICES)

    assert all(3 <= later.at_s - earlier.at_s <= 10 for earlier, later in pairwise(killed))
    assert {one.target for one in killed} == set(SERVICES)


def test_the_database_is_killed_every_twenty_seconds_and_the_broker_restarted_every_sixty() -> None:
    troubles = plan(1, FIVE_MINUTES)

    assert [one.at_s for one in _of(troubles, Kind.kill, "postgres")] == [20.0 * n for n in range(1, 16)]
    broker = [one for one in troubles if one.target == "kafka" and one.kind in (Kind.kill, Kind.restart)]
    assert [one.at_s for one in broker] == [60.0 * n for n in range(1, 6)]


def test_who_is_frozen_stays_so_for_longer_than_the_lease() -> None:
    pace = Pace()

    frozen = _of(plan(1, FIVE_MINUTES, pace), Kind.freeze, *SERVICES)

    assert frozen
    assert all(one.lasts_s > pace.takeover_s for one in frozen)


def test_the_pace_of_one_sort_changes_no_other() -> None:
    usual, calm = plan(1, FIVE_MINUTES), plan(1, FIVE_MINUTES, Pace(service_killed=(60, 60)))

    assert _of(usual, Kind.cut, *LINES) == _of(calm, Kind.cut, *LINES)


def test_twenty_seconds_of_the_compressed_pace_have_every_sort() -> None:
    for seed in range(100):
        troubles = plan(seed, 20, COMPRESSED)
        kinds = Counter(one.kind for one in troubles)

        assert kinds.keys() >= {Kind.kill, Kind.freeze, Kind.cut, Kind.stall, Kind.slow}
        assert _of(troubles, Kind.kill, "postgres")
        assert _of(troubles, Kind.kill, *SERVICES)
        assert _of(troubles, Kind.kill, "kafka") or _of(troubles, Kind.restart, "kafka")
