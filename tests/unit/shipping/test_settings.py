"""The settings of the service are checked before it starts."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.shipping.settings import Settings
from tests.unit.simulators.running import SECRET

GIVEN = {
    "OMS_DATABASE_URL": "postgresql://user:password@host:5432/db",
    "OMS_KAFKA_BOOTSTRAP": "host:9092",
    "OMS_CARRIER_URL": "http://carrier:9002",
    "OMS_CARRIER_KEY": "key",
    "OMS_CARRIER_WEBHOOK_SECRET": SECRET,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def read() -> Settings:
    """As the service reads them."""
    kind: Any = Settings
    settings: Settings = kind()
    return settings


def test_a_warehouse_is_automatic_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read().warehouse == "automatic"
    monkeypatch.setenv("OMS_WAREHOUSE", "manual")
    assert read().warehouse == "manual"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMS_CARRIER_KEY", ""),
        ("OMS_CARRIER_WEBHOOK_SECRET", "whsec_"),
        ("OMS_CARRIER_WEBHOOK_SECRET", "whsec_x"),
        ("OMS_CARRIER_WEBHOOK_SECRET", "c2VjcmV0"),
        ("OMS_CARRIER_WEBHOOK_SECRET", "secret whsec_c2VjcmV0"),
        ("OMS_CARRIER_URL", "carrier:9002"),
        ("OMS_CARRIER_TIMEOUT_S", "0"),
        ("OMS_WAREHOUSE", "sometimes"),
        ("OMS_PICKING_S", "-1"),
    ],
)
def test_what_can_not_work_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        read()


def test_no_secret_is_shown() -> None:
    assert SECRET not in repr(read())
