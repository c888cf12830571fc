"""Which of the carrier's services takes a parcel."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.events.shipping import CarrierQuote


def keeps_promise(quote: CarrierQuote, deliver_by: datetime | None, now: datetime) -> bool:
    """Whether a parcel handed over now arrives in time; without a promise it always does."""
    return deliver_by is None or now + timedelta(days=quote.days) <= deliver_by


def choose_rate(quotes: Sequence[CarrierQuote], deliver_by: datetime | None, now: datetime) -> CarrierQuote:
    """The cheapest service that keeps the promise, or the fastest where none does.

    Equals are told apart by days or price and then by name, so that the choice never depends on their order.

    Raises:
        ValueError: there is no quote.
    """
    in_time = [quote for quote in quotes if keeps_promise(quote, deliver_by, now)]
    if in_time:
        return min(in_time, key=lambda quote: (quote.amount, quote.days, quote.service))
    return min(quotes, key=lambda quote: (quote.days, quote.amount, quote.service))
