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
        ("OMS_HTTP_PORT", "http", "OMS_HTTP_PORT: Input should be a valid integer"),
        ("OMS_KAFKA_PARTITIONS", "7", "OMS_KAFKA_PARTITIONS: Value error, the number of partitions divides 64"),
        ("OMS_KAFKA_PARTITIONS", "0", "OMS_KAFKA_PARTITIONS: "),
        ("OMS_LOG_LEVEL", "loud", "OMS_LOG_LEVEL: Input should be 'debug'"),
        ("OMS_DATABASE_TLS", "verfy", "OMS_DATABASE_TLS: Input should be 'off', 'require' or 'verify'"),
        ("OMS_KAFKA_CA_FILE", "nowhere.pem", "OMS_KAFKA_CA_FILE: Path does not point to a file"),
        ("OMS_KAFKA_CA_FILE", __file__, "certificates of Kafka want OMS_KAFKA_TLS=true"),
        ("OMS_DATABASE_CERTIFICATE_FILE", __file__, "certificates of the database want OMS_DATABASE_TLS to be"),
        ("OMS_KAFKA_USERNAME", "order", "OMS_KAFKA_USERNAME wants an OMS_KAFKA_SASL_MECHANISM"),
        ("OMS_API_KEYS", "not json", "api_keys"),
        ("OMS_API_KEYS", '[{"name":"a","sha256":"short","scopes":[]}]', "OMS_API_KEYS_0_SHA256: "),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    assert said in _said()


def test_settings_come_from_the_environment_and_keep_secrets_to_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [{"name": "oms", "sha256": "0" * 64, "scopes": ["*"]}]
    monkeypatch.setenv("OMS_API_KEYS", json.dumps(keys))
    monkeypatch.setenv("OMS_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    monkeypatch.setenv("OMS_KAFKA_USERNAME", "u")
    monkeypatch.setenv("OMS_KAFKA_PASSWORD", "secret")

    settings = ServiceSettings()

    assert settings.api_keys[0].name == "oms"
    assert settings.kafka_access().for_client()["security_protocol"] == "SASL_PLAINTEXT"
    assert settings.kafka_access().for_client()["sasl_plain_password"] == "secret"
    assert "secret" not in repr(settings)


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
