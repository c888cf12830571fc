"""Pauses grow with each end in a row, and no further than half a minute."""

from deploy.local.restarts import STEADY_S, Restarts


def test_each_end_in_a_row_doubles_the_pause_up_to_half_a_minute() -> None:
    restarts = Restarts()

    assert [restarts.pause_s("order") for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert restarts.pause_s("payment") == 0.5


def test_a_process_may_end_any_number_of_times() -> None:
    restarts = Restarts()

    assert {restarts.pause_s("order") for _ in range(2_000)} == {0.5, 1, 2, 4, 8, 16, 30}


def test_who_has_run_for_a_minute_is_started_again_at_once() -> None:
    restarts = Restarts()
    for _ in range(8):
        restarts.pause_s("order")

    restarts.runs("order", 100.0)
    restarts.runs("order", 100.0 + STEADY_S)

    assert restarts.pause_s("order") == 0.5


def test_short_runs_do_not_add_up_to_a_long_one() -> None:
    restarts = Restarts()

    for now in range(0, 500, 50):
        restarts.runs("order", now)
        restarts.runs("order", now + STEADY_S / 2)
        last = restarts.pause_s("order")

    assert last == 30
