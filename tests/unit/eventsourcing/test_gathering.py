"""How long messages gather after a batch of a few."""

from shared.eventsourcing.gathering import GATHER_S, LONGEST_S, rest_after


def test_messages_gather_longer_after_a_batch_that_took_longer_within_bounds() -> None:
    # given batches that took from no time to ages
    took = (0.0, 0.01, 0.05, 0.1, 10.0)

    # when each is followed by a rest
    rests = [rest_after(seconds) for seconds in took]

    # then the rest is half as long, never shorter than the least and never longer than the longest
    assert rests == [GATHER_S, GATHER_S, 0.025, 0.05, LONGEST_S]


def test_a_service_that_is_set_to_gather_longer_does_so_after_any_batch() -> None:
    # given a service that lets messages gather for 0.2 s
    least = 0.2

    # when batches take little and much
    rests = [rest_after(seconds, least) for seconds in (0.001, 10.0)]

    # then it rests so long after both
    assert rests == [least, least]
