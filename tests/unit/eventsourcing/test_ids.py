"""The ids of what callers send under an idempotency key."""

from itertools import combinations

from shared.eventsourcing.ids import keyed_id, named_id


def test_what_was_sent_before_is_known_by_the_same_id() -> None:
    assert keyed_id("orders", "shop", "web/17") == named_id("orderstream/orders/shop/web/17")


def test_no_two_callers_and_keys_share_an_id() -> None:
    pairs = [("a", "b/c"), ("a/b", "c"), ("a\nb", "c"), ("a", "b"), ("a/b/c", "d"), ("a/b", "c/d")]

    for one, other in combinations(pairs, 2):
        assert keyed_id("orders", *one) != keyed_id("orders", *other)
