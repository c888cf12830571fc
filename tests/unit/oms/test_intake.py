"""What a look at the intake makes of its messages."""

import pytest

from oms.verify.intake import order_in, taken


@pytest.mark.parametrize("more", [b"", b', "x": 1e400', b', "x": ' + b"7" * 4_000])
def test_an_order_is_known_by_what_it_states_whatever_stands_beside_it(more: bytes) -> None:
    assert order_in(b'{"channel": "web", "channel_order_id": "7"' + more + b"}") == ("web", "7")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b"1", b'{"channel": "web"}', b"[" * 100_000])
def test_bytes_that_do_not_tell_are_nobodys(body: bytes) -> None:
    assert order_in(body) is None


def test_a_message_that_comes_again_says_the_same_and_another_id_or_body_says_something_else() -> None:
    def said(identity: bytes, body: bytes) -> str:
        headers = [("ce_specversion", b"1.0"), ("ce_id", identity), ("ce_source", b"/web"), ("ce_type", b"a.b.v1")]
        return taken("channel.orders/0/1", headers, body).said

    assert said(b"1", b"{}") == said(b"1", b"{}")
    assert len({said(b"1", b"{}"), said(b"2", b"{}"), said(b"1", b"{ }")}) == 3


def test_what_is_no_message_says_nothing() -> None:
    assert taken("channel.orders/0/1", [], b"{}").said == ""
