"""The services' settings for TLS, mutual TLS and SASL, against servers that let nobody in without them.

The service's own key is encrypted, and that of the partner who publishes orders is not.

The embedded PostgreSQL is built without TLS: a proxy that speaks PostgreSQL's TLS stands before it.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from channels.publishing import NotAcknowledged, OrderPublisher
from shared.events.channel import ChannelOrderReceived
from shared.eventsourcing.kafka.security import KafkaAccess
from shared.eventsourcing.postgres.migrate import migrate_from_environment
from shared.eventsourcing.settings import ServiceSettings
from tests.e2e.kafka import read_topic
from tests.e2e.orders import a_line, an_order, number_of
from tests.e2e.secured_servers import PATIENCE_S, PLAIN_USER, PREFIX, SecuredServers, secured_servers
from tests.token_endpoint import CLIENT, unsigned_token

UNTRUSTED = r"\[SSL: CERTIFICATE_VERIFY_FAILED\] [^\n]+"


@dataclass(frozen=True)
class Refused:
    """Settings that a server does not let in, or that do not trust it, and what is said of them."""

    settings: Callable[[SecuredServers], dict[str, str]]
    said: str


DATABASE = r"no database at 127\.0\.0\.1:\d+/secured_order: "
KAFKA_CERTIFICATE = ["OMS_KAFKA_CERTIFICATE_FILE", "OMS_KAFKA_KEY_FILE", "OMS_KAFKA_KEY_PASSWORD"]
BROKER = r"no broker at 127\.0\.0\.1:\d+: "
REFUSED_PASSWORD = 'password authentication failed for user "secured_order"'


def with_wrong_database_password(servers: SecuredServers) -> dict[str, str]:
    url = servers.settings()["OMS_DATABASE_URL"]
    return servers.settings(OMS_DATABASE_URL=url.replace(servers.database_password, "wrong"))


def with_strange_database(servers: SecuredServers) -> dict[str, str]:
    return servers.settings(OMS_DATABASE_CA_FILE=str(servers.stranger.file))


REFUSED = {
    "a wrong password of the database": Refused(with_wrong_database_password, DATABASE + REFUSED_PASSWORD),
    "a database that a stranger certified": Refused(with_strange_database, DATABASE + UNTRUSTED),
    "a wrong password of the broker": Refused(
        lambda servers: servers.settings(OMS_KAFKA_PASSWORD="wrong"),
        BROKER + r"[^\n]*SaslAuthenticationFailed: [^\n]+",
    ),
    "a broker that a stranger certified": Refused(
        lambda servers: servers.settings(OMS_KAFKA_CA_FILE=str(servers.stranger.file)), BROKER + UNTRUSTED
    ),
    "no certificate for the broker": Refused(
        lambda servers: servers.settings(without=KAFKA_CERTIFICATE), BROKER + r"[^\n]+"
    ),
    "a wrong password of the key": Refused(
        lambda servers: servers.settings(OMS_KAFKA_KEY_PASSWORD="wrong"),
        r"\S+/client\.pem and \S+/client\.key are no certificate and its key, which the password opens,[^\n]+",
    ),
    "a wrong secret at the token endpoint": Refused(
        lambda servers: servers.settings_with_tokens(OMS_KAFKA_OAUTH_CLIENT_SECRET="wrong"),
        BROKER + r"[^\n]*TokenRefused: https://127\.0\.0\.1:\d+/token: HTTP 401, invalid_client [^\n]+",
    ),
    "a token endpoint that is not there": Refused(
        lambda servers: servers.settings_with_tokens(OMS_KAFKA_OAUTH_TOKEN_URL="https://127.0.0.1:1/token"),
        BROKER + r"[^\n]*TokenUnavailable: https://127\.0\.0\.1:1/token: [^\n]+",
    ),
    "a token endpoint that a stranger certified": Refused(
        lambda servers: servers.settings_with_tokens(OMS_KAFKA_OAUTH_CA_FILE=str(servers.stranger.file)),
        BROKER + r"[^\n]*TokenUnavailable: [^\n]+CERTIFICATE_VERIFY_FAILED[^\n]+",
    ),
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServers]:
    with secured_servers(tmp_path_factory.mktemp("secured")) as servers:
        yield servers


def test_an_order_goes_through_a_service_whose_connections_are_all_secured(servers: SecuredServers) -> None:
    migrated = servers.run(servers.settings(), "migrate")
    assert (migrated.code, migrated.log) == (0, "")
    order = an_order(a_line("sku-of-nobody"))
    path = f"/orders/{number_of(order)}"

    with servers.serve(servers.settings()) as service:
        asyncio.run(publish(partner(servers), order))
        until(lambda: service.get(path).status_code == 200)
        until(lambda: "order.placed.v1" in published(servers, "order.events", order))
        until(lambda: published(servers, "inventory.commands", order) == {"inventory.reserve-stock.v1"})


def test_a_service_outlives_its_tokens_and_a_token_endpoint_that_is_away(servers: SecuredServers) -> None:
    servers.run(servers.settings(), "migrate")
    for_one, for_another = an_order(a_line("sku-of-nobody")), an_order(a_line("sku-of-nobody"))

    with servers.serve(servers.settings_with_tokens()) as service:
        asyncio.run(publish(partner(servers), for_one))
        until(lambda: "order.placed.v1" in published(servers, "order.events", for_one))
        fetched = len(servers.tokens.given)
        until(lambda: len(servers.tokens.given) > fetched + 1)
        servers.tokens.answer = 503, b""
        try:
            until(lambda: service.get("/ready").status_code == 503)
        finally:
            servers.tokens.answer = None
        asyncio.run(publish(partner(servers), for_another))
        until(lambda: "order.placed.v1" in published(servers, "order.events", for_another))


def test_a_service_whose_token_the_broker_does_not_take_ends_with_one_line(servers: SecuredServers) -> None:
    expired = {"access_token": unsigned_token(CLIENT, lives_s=-3600), "expires_in": 3600}
    servers.tokens.answer = 200, json.dumps(expired).encode()
    try:
        ended = servers.run(servers.settings_with_tokens())
    finally:
        servers.tokens.answer = None

    assert ended.code == 1
    said = BROKER + r"[^\n]*SaslAuthenticationFailed: the broker does not take the token: [^\n]+"
    assert re.fullmatch(f"order: {said}", ended.log.splitlines()[-1])


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_service_that_is_refused_ends_with_one_line(servers: SecuredServers, refused: Refused) -> None:
    ended = servers.run(refused.settings(servers))

    *logged, said = ended.log.splitlines()
    assert ended.code == 1
    assert re.fullmatch(f"order: {refused.said}", said)
    assert all(line.startswith("{") for line in logged)


@pytest.mark.parametrize(
    ("settings", "said"),
    [(with_wrong_database_password, REFUSED_PASSWORD), (with_strange_database, UNTRUSTED)],
    ids=["a wrong password", "a database that a stranger certified"],
)
def test_a_migration_that_is_refused_ends_with_one_line(
    servers: SecuredServers,
    monkeypatch: pytest.MonkeyPatch,
    settings: Callable[[SecuredServers], dict[str, str]],
    said: str,
) -> None:
    for name, value in settings(servers).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match=f"^order: database not migrated: {said}$"):
        migrate_from_environment("order")


def test_a_migration_that_requires_tls_alone_trusts_any_certificate(
    servers: SecuredServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in servers.settings(without=["OMS_DATABASE_CA_FILE"], OMS_DATABASE_TLS="require").items():
        monkeypatch.setenv(name, value)

    migrate_from_environment("order")


def test_a_channel_that_is_refused_is_told_at_once(servers: SecuredServers) -> None:
    with pytest.raises(NotAcknowledged, match="SaslAuthenticationFailed") as refused:
        asyncio.run(publish(partner(servers, OMS_KAFKA_PASSWORD="wrong"), an_order(a_line("sku-of-nobody"))))

    assert "\n" not in str(refused.value)


def partner(servers: SecuredServers, **changes: str) -> KafkaAccess:
    """The way in of somebody else than the service, by another mechanism."""
    stated = servers.settings(
        **{
            "OMS_KAFKA_SASL_MECHANISM": "PLAIN",
            "OMS_KAFKA_USERNAME": PLAIN_USER,
            "OMS_KAFKA_PASSWORD": servers.password(PLAIN_USER),
            "OMS_KAFKA_CERTIFICATE_FILE": str(servers.partner.file),
            "OMS_KAFKA_KEY_FILE": str(servers.partner.key_file),
            **changes,
        },
        without=["OMS_KAFKA_KEY_PASSWORD"],
    )
    fields = {name.removeprefix("OMS_").lower(): value for name, value in stated.items()}
    return ServiceSettings.model_validate(fields).kafka_access()


async def publish(access: KafkaAccess, order: ChannelOrderReceived) -> None:
    async with OrderPublisher(access, prefix=PREFIX) as publisher:
        await publisher.publish([order])


def published(servers: SecuredServers, topic: str, order: ChannelOrderReceived) -> set[str]:
    """The types of the messages in a topic that are about an order."""
    messages = asyncio.run(read_topic(servers.clear_bootstrap, PREFIX, topic))
    about = number_of(order).encode()
    return {one.headers["ce_type"].decode() for one in messages if about in one.value}


def until(there: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
