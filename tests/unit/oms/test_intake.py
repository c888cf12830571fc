"""What a look at the intake makes of its messages."""

import pytest

from oms.verify.intake import order_in


@pytest.mark.parametrize("more", [b"", b', "x": 1e400', b', "x": ' + b"7" * 4_000])
def test_an_order_is_known_by_what_it_states_whatever_stands_beside_it(more: bytes) -> None:
    assert order_in(b'{"channel": "web", "channel_order_id": "7"' + more + b"}") == ("web", "7")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b"1", b'{"channel": "web"}', b"[" * 100_000])
def test_bytes_that_do_not_tell_are_nobodys(body: bytes) -> None:
    assert order_in(body) is None
