"""Notices as text: Liquid templates per language and kind, with money and times as a language writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from liquid import BoundTemplate, Environment, Mode, StrictUndefined

from shared.events.currencies import exponent_of
from shared.events.notification import NoticeKind

LOCALES: Mapping[str, str] = {"en": "en_US", "zh": "zh_Hans_CN"}
"""The locale of each language that notices are written in."""

_TEMPLATES = Path(__file__).parent / "templates"

# What could break out of a line, or turn the direction of the text after it.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice ready to be sent as plain text."""

    subject: str
    """One line."""
    body: str


class Letters:
    """All templates, parsed once.

    Raises:
        FileNotFoundError: a kind has no template in some language.
        liquid.exceptions.LiquidError: a template does not parse.
    """

    def __init__(self, directory: Path = _TEMPLATES) -> None:
        environments = {language: _environment(Locale.parse(name)) for language, name in LOCALES.items()}
        self._templates: dict[tuple[str, str], BoundTemplate] = {
            (language, kind): environment.from_string(
                (directory / language / f"{kind}.liquid").read_text(encoding="utf-8")
            )
            for language, environment in environments.items()
            for kind in get_args(NoticeKind)
        }

    def write(self, kind: NoticeKind, language: str, facts: Mapping[str, str]) -> Letter:
        """Fill in a template.

        Raises:
            liquid.exceptions.UndefinedError: the template wants a fact that is not there.
        """
        values = {name: one_line(value) for name, value in facts.items()}
        text = self._templates[language, kind].render(values)
        subject, _, body = text.partition("\n")
        return Letter(subject=one_line(subject), body=body.strip() + "\n")


def one_line(value: str) -> str:
    """The text without control characters, line ends and marks that turn the direction of writing.

    Plain text has no markup to escape: only these let a value pose as something else.
    """
    return _UNPRINTABLE.sub(" ", value).strip()


def _environment(locale: Locale) -> Environment:
    environment = Environment(undefined=StrictUndefined, strict_filters=True, tolerance=Mode.STRICT)

    def money(minor_units: str, currency: str) -> str:
        exponent = exponent_of(currency)
        amount = Decimal(minor_units).scaleb(-exponent)
        return format_currency(amount, currency, locale=locale, decimal_quantization=False)

    def day(instant: str) -> str:
        return format_date(_utc(instant), format="long", locale=locale)

    def moment(instant: str) -> str:
        return f"{day(instant)} {format_time(_utc(instant), format='short', locale=locale)} UTC"

    environment.filters.update(money=money, day=day, moment=moment)
    return environment


def _utc(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(UTC)
