"""Settings of a service: what is missing or wrong is named in one line."""

import json
import os
import re
from pathlib import Path

import pytest

from shared.eventsourcing.definition import ServiceDefinition
from shared.eventsourcing.postgres.migrate import migrate_from_environment
from shared.eventsourcing.service import run
from shared.eventsourcing.settings import ServiceSettings

GIVEN = {"OMS_DATABASE_URL": "postgresql://o:secret@127.0.0.1:1/o", "OMS_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OMS_")]:
        monkeypatch.delenv(name)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def _never(settings: ServiceSettings) -> ServiceDefinition:
    raise AssertionError("the settings were wrong")


def _said() -> str:
    with pytest.raises(SystemExit) as ended:
        run("order", _never, ServiceSettings)
    line = str(ended.value)
    assert "\n" not in line
    assert "secret" not in line
    return line


def test_every_setting_that_is_missing_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name)

    assert _said() == (
        "order: settings are wrong: OMS_DATABASE_URL: Field required; OMS_KAFKA_BOOTSTRAP: Field required"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OMS_INSTANCE", "zone-a/order-1", "OMS_INSTANCE: String should match pattern"),
        ("OMS_HTTP_PORT", "http", "OMS_HTTP_PORT: Input should be a valid integer"),
        ("OMS_KAFKA_PARTITIONS", "7", "OMS_KAFKA_PARTITIONS: Value error, the number of partitions divides 64"),
        ("OMS_KAFKA_PARTITIONS", "0", "OMS_KAFKA_PARTITIONS: "),
        ("OMS_LOG_LEVEL", "loud", "OMS_LOG_LEVEL: Input should be 'debug'"),
        ("OMS_DATABASE_TLS", "verfy", "OMS_DATABASE_TLS: Input should be 'off', 'require' or 'verify'"),
        ("OMS_KAFKA_CA_FILE", "nowhere.pem", "OMS_KAFKA_CA_FILE: Path does not point to a file"),
        ("OMS_KAFKA_CA_FILE", __file__, "certificates of Kafka want OMS_KAFKA_TLS=true"),
        ("OMS_DATABASE_CERTIFICATE_FILE", __file__, "certificates of the database want OMS_DATABASE_TLS to be"),
        ("OMS_KAFKA_USERNAME", "order", "OMS_KAFKA_USERNAME wants an OMS_KAFKA_SASL_MECHANISM"),
        ("OMS_KAFKA_OAUTH_TOKEN_URL", "idp.example/token", "OMS_KAFKA_OAUTH_TOKEN_URL: String should match"),
        (
            "OMS_KAFKA_OAUTH_TOKEN_URL",
            "https://order:secret@idp",
            "OMS_KAFKA_OAUTH_TOKEN_URL: String should match",
        ),
        ("OMS_API_KEYS", "not json", "order: settings are wrong: OMS_API_KEYS: no JSON: Expecting value: line 1"),
        ("OMS_API_KEYS", '[{"name":"","sha256":"short","scopes":[]}]', "OMS_API_KEYS_0_NAME: "),
        (
            "OMS_API_KEYS",
            '[{"name":"a","sha256":"short","scopes":["order:read"]}]',
            "OMS_API_KEYS_0_SCOPES_0: Value error, there is no scope 'order:read'; there are *, orders:read, ",
        ),
        ("OMS_API_KEYS", '[{"name":"a","sha256":"short","scopes":[]}]', "OMS_API_KEYS_0_SHA256: "),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    assert said in _said()


BY_PASSWORD = {"OMS_KAFKA_USERNAME": "u", "OMS_KAFKA_PASSWORD": "secret"}
BY_TOKEN = {
    "OMS_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
    "OMS_KAFKA_OAUTH_TOKEN_URL": "https://idp.example/token",
    "OMS_KAFKA_OAUTH_CLIENT_ID": "order",
    "OMS_KAFKA_OAUTH_CLIENT_SECRET": "secret",
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"OMS_KAFKA_SASL_MECHANISM": "PLAIN"},
            "OMS_KAFKA_SASL_MECHANISM=PLAIN wants OMS_KAFKA_USERNAME, OMS_KAFKA_PASSWORD",
        ),
        (
            {"OMS_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "OMS_KAFKA_USERNAME": "u"},
            "OMS_KAFKA_SASL_MECHANISM=SCRAM-SHA-512 wants OMS_KAFKA_PASSWORD",
        ),
        (
            {**BY_TOKEN, "OMS_KAFKA_OAUTH_CLIENT_SECRET": ""},
            "OMS_KAFKA_SASL_MECHANISM=OAUTHBEARER wants OMS_KAFKA_OAUTH_CLIENT_SECRET",
        ),
        (
            {**BY_TOKEN, **BY_PASSWORD},
            "OMS_KAFKA_USERNAME, OMS_KAFKA_PASSWORD wants another OMS_KAFKA_SASL_MECHANISM",
        ),
        (
            {**BY_PASSWORD, "OMS_KAFKA_SASL_MECHANISM": "PLAIN", "OMS_KAFKA_OAUTH_SCOPE": "kafka"},
            "OMS_KAFKA_OAUTH_SCOPE wants another OMS_KAFKA_SASL_MECHANISM",
        ),
        ({"OMS_KAFKA_PASSWORD": "secret"}, "OMS_KAFKA_PASSWORD wants an OMS_KAFKA_SASL_MECHANISM"),
        (
            {**BY_TOKEN, "OMS_KAFKA_OAUTH_TOKEN_URL": "http://idp/token", "OMS_KAFKA_OAUTH_CA_FILE": __file__},
            "OMS_KAFKA_OAUTH_CA_FILE wants an OMS_KAFKA_OAUTH_TOKEN_URL with https",
        ),
        ({"OMS_KAFKA_KEY_PASSWORD": "secret"}, "certificates of Kafka want OMS_KAFKA_TLS=true"),
        (
            {"OMS_KAFKA_TLS": "true", "OMS_KAFKA_KEY_FILE": __file__},
            "a key for Kafka wants an OMS_KAFKA_CERTIFICATE_FILE",
        ),
        ({"OMS_DATABASE_KEY_PASSWORD": "secret"}, "certificates of the database want OMS_DATABASE_TLS to be"),
        (
            {"OMS_DATABASE_TLS": "verify", "OMS_DATABASE_KEY_FILE": __file__},
            "a key for the database wants an OMS_DATABASE_CERTIFICATE_FILE",
        ),
        (
            {"OMS_DATABASE_TLS": "require", "OMS_DATABASE_CA_FILE": __file__},
            "OMS_DATABASE_CA_FILE wants OMS_DATABASE_TLS=verify",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert said in _said()


def test_settings_come_from_the_environment_and_keep_secrets_to_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [{"name": "oms", "sha256": "0" * 64, "scopes": ["*"]}]
    monkeypatch.setenv("OMS_API_KEYS", json.dumps(keys))
    monkeypatch.setenv("OMS_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("OMS_KAFKA_USERNAME", "u")
    monkeypatch.setenv("OMS_KAFKA_PASSWORD", "whispered")

    settings = ServiceSettings()

    assert settings.api_keys[0].name == "oms"
    assert settings.kafka_access().for_client()["security_protocol"] == "SASL_PLAINTEXT"
    assert settings.kafka_access().for_client()["sasl_plain_password"] == "whispered"
    assert "whispered" not in repr(settings)
    assert "o:secret@" not in repr(settings)


def test_a_broker_that_takes_tokens_is_given_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**BY_TOKEN, "OMS_KAFKA_OAUTH_CLIENT_SECRET": "whispered"}.items():
        monkeypatch.setenv(name, value)

    settings = ServiceSettings()
    access = settings.kafka_access()

    assert access.for_client() == {
        "bootstrap_servers": "127.0.0.1:1",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": access.tokens,
    }
    assert "whispered" not in repr(settings)


@pytest.mark.parametrize("name", ["OMS_DATABASE_CA_FILE", "OMS_DATABASE_CERTIFICATE_FILE"])
def test_a_file_that_is_no_certificate_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "certificate.pem"
    file.write_text("a certificate, one day")
    monkeypatch.setenv("OMS_DATABASE_TLS", "verify")
    monkeypatch.setenv(name, str(file))

    with pytest.raises(SystemExit, match=rf"^order: {re.escape(str(file))} [^\n]+$"):
        migrate_from_environment("order")


def test_a_database_that_cannot_be_reached_is_said_in_one_line() -> None:
    with pytest.raises(SystemExit, match=r"^order: database not migrated: [^\n]+$"):
        migrate_from_environment("order")


def test_migrating_without_an_address_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMS_DATABASE_URL")

    with pytest.raises(SystemExit, match=r"^order: settings are wrong: OMS_DATABASE_URL: Field required$"):
        migrate_from_environment("order")


def test_an_address_that_can_not_be_read_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", "postgresql://order:se/cret@127.0.0.1:5432/order")

    with pytest.raises(SystemExit, match=r"^order: settings are wrong: OMS_DATABASE_URL: [^\n]*%2F$") as said:
        migrate_from_environment("order")

    assert "cret" not in str(said.value)
