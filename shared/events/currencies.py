"""How many digits the minor units of a currency have."""

from collections.abc import Mapping

from babel.numbers import get_currency_precision

# Where ISO 4217 has minor units that are no longer paid with, which CLDR leaves out.
_EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 2),
    "IQD": 3,
}


def exponent_of(currency: str) -> int:
    """The exponent of ISO 4217: 2 for USD, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, get_currency_precision(currency))
