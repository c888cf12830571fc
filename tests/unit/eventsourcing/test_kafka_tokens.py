"""Tokens for OAUTHBEARER: fetched once for all who need one, kept while they are good, refused in one line."""

import asyncio
from collections.abc import Iterator

import pytest

from shared.eventsourcing.kafka.tokens import TokenRefused, Tokens, TokenUnavailable
from tests.token_endpoint import CLIENT, SCOPE, SECRET, TokenEndpoint


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint(lives_s=100) as endpoint:
        yield endpoint


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def tokens(endpoint: TokenEndpoint, watch: Watch) -> Tokens:
    return Tokens(endpoint.url, client_id=CLIENT, client_secret=SECRET, scope=SCOPE, now=watch)


def test_a_token_is_kept_until_shortly_before_it_expires(
    endpoint: TokenEndpoint, watch: Watch, tokens: Tokens
) -> None:
    first = asyncio.run(tokens.token())
    watch.seconds += 79
    kept = asyncio.run(tokens.token())
    watch.seconds += 2
    second = asyncio.run(tokens.token())

    assert first == kept != second
    assert endpoint.given == [first, second]


def test_connections_that_begin_at_once_share_a_token(endpoint: TokenEndpoint, tokens: Tokens) -> None:
    async def at_once() -> list[str]:
        return await asyncio.gather(*(tokens.token() for _ in range(5)))

    given = asyncio.run(at_once())

    assert given == endpoint.given * 5


def test_a_token_of_an_unknown_life_is_used_once(endpoint: TokenEndpoint, tokens: Tokens) -> None:
    endpoint.answer = 200, b'{"access_token": "first"}'
    first = asyncio.run(tokens.token())
    endpoint.answer = 200, b'{"access_token": "second"}'

    assert (first, asyncio.run(tokens.token())) == ("first", "second")


def test_another_secret_gets_no_token_and_is_told_so_in_one_line(endpoint: TokenEndpoint) -> None:
    stranger = Tokens(endpoint.url, client_id=CLIENT, client_secret="a guess", scope=SCOPE)

    with pytest.raises(TokenRefused) as refused:
        asyncio.run(stranger.token())

    said = f"TokenRefused: {endpoint.url}: HTTP 401, invalid_client no such client, or another secret"
    assert str(refused.value).endswith(said)


@pytest.mark.parametrize("status", [301, 403, 404])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
def test_a_refusal_needs_no_explanation(endpoint: TokenEndpoint, tokens: Tokens, status: int, body: bytes) -> None:
    endpoint.answer = status, body

    with pytest.raises(TokenRefused, match=f"/token: HTTP {status}$"):
        asyncio.run(tokens.token())


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"access_token": ""}', b'{"access_token": "one two", "expires_in": 5}']
)
def test_an_answer_without_a_token_is_a_refusal(endpoint: TokenEndpoint, tokens: Tokens, body: bytes) -> None:
    endpoint.answer = 200, body

    with pytest.raises(TokenRefused, match=r"/token: HTTP 200 with a body that is no token$"):
        asyncio.run(tokens.token())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_endpoint_in_trouble_is_asked_again(endpoint: TokenEndpoint, tokens: Tokens, status: int) -> None:
    endpoint.answer = status, b""
    with pytest.raises(TokenUnavailable, match=f"/token: HTTP {status}$"):
        asyncio.run(tokens.token())
    endpoint.answer = None

    assert asyncio.run(tokens.token()) == endpoint.given[0]


def test_an_endpoint_that_is_not_there_is_named_in_one_line() -> None:
    with TokenEndpoint() as gone:
        pass
    tokens = Tokens(gone.url, client_id=CLIENT, client_secret=SECRET)

    with pytest.raises(TokenUnavailable, match=rf"^[^\n]*TokenUnavailable: {gone.url}: [^\n]+$"):
        asyncio.run(tokens.token())
