"""The page of settings is what the classes of settings and the routes make of it."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services import settings_page
from services.scopes import scopes
from services.settings_page import EACH_SERVICE, EVERY_SERVICE, main
from services.settings_table import ROOT, stated, table
from shared.events.http_api import SCOPES


class Base(BaseSettings):
    """Settings of a service that there is not."""

    model_config = SettingsConfigDict(env_prefix="OMS_", use_attribute_docstrings=True)

    wait_s: float = Field(default=7_200, gt=0, le=90_000)
    """How long it
    waits."""


class Special(Base):
    """More of them."""

    wait_s: float = 60
    """Nobody minds."""
    password: SecretStr = SecretStr("hush")
    parts: int = Field(ge=1)
    rules: Path = ROOT / "services" / "rules.toml"


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--check"])

    assert capsys.readouterr().out == ""
    assert code == 0


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{settings.__module__}: {name}"
        for settings in (*EVERY_SERVICE.values(), *EACH_SERVICE.values())
        for name, field in stated(settings).items()
        if not field.description
    ]

    assert silent == [], "write a sentence below the setting, then run python -m services.settings_page"


def test_no_setting_of_a_service_is_left_out() -> None:
    told = {name for settings in EVERY_SERVICE.values() for name in stated(settings)}

    for settings in EACH_SERVICE.values():
        assert settings.model_fields.keys() == told | stated(settings).keys()


def test_a_page_that_differs_is_named_in_one_line_and_written_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "settings.md"
    monkeypatch.setattr(settings_page, "PAGE", page)
    said = "docs/settings.md is not up to date: run python -m services.settings_page\n"

    for before in (None, "# Settings\n"):
        if before is not None:
            page.write_text(before, encoding="utf-8")
        assert (main(["--check"]), capsys.readouterr().out) == (1, said)

    assert main([]) == 0
    assert (main(["--check"]), capsys.readouterr().out) == (0, "")


def test_a_table_names_the_variable_its_unit_its_default_and_its_meaning() -> None:
    assert table(Base).splitlines()[2:] == [
        "| `OMS_WAIT_S` | seconds above 0 to 90000 | `7200` (2 hours) | How long it waits. |",
    ]


def test_a_table_holds_what_its_own_class_states_and_neither_secrets_nor_paths_of_this_machine() -> None:
    assert table(Special).splitlines()[2:] == [
        "| `OMS_WAIT_S` | seconds | `60` | As above, with another default. Nobody minds. |",
        "| `OMS_PASSWORD` | secret | a secret |  |",
        "| `OMS_PARTS` | whole number from 1 | needed |  |",
        "| `OMS_RULES` | path | `services/rules.toml` |  |",
    ]


def test_the_scopes_are_those_that_the_routes_want() -> None:
    opened = {scope.name: scope for scope in scopes()}

    assert {"*", *opened} == set(SCOPES)
    assert opened["orders:write"].routes == ("POST /orders",)
    assert opened["operations:write"].service == "every"
    assert not any("/webhooks/" in route for scope in opened.values() for route in scope.routes)
