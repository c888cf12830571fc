"""What every message of the contract is: a frozen, documented value with a stable name and a version."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen part of a message. Unknown fields are ignored, so that a reader outlives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Payload(Value):
    """A message body. Subclasses name themselves: `class OrderPlaced(Event, name="order.placed", version=1)`."""

    message_name: ClassVar[str] = ""
    message_version: ClassVar[int] = 0
    wire_type: ClassVar[str] = ""
    """Name and version as they stand in `ce_type`, for example `order.placed.v1`."""

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.message_name = name
            cls.message_version = version
            cls.wire_type = f"{name}.v{version}"


class Event(Payload):
    """A fact in the past tense; it belongs to the service that states it."""


class Command(Payload):
    """A request in the imperative; it belongs to the service that carries it out."""


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment, RFC 3339 with an offset, kept in UTC."""

MinorUnits = Annotated[int, Field(ge=0, le=10**15)]
"""An amount of money in minor units (cents, fen) of the currency named beside it."""

Quantity = Annotated[int, Field(gt=0, le=10**9)]
"""A positive number of whole stock-keeping units."""

Count = Annotated[int, Field(ge=0, le=10**9)]
"""A number of whole stock-keeping units that may be zero."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""A short name or identifier."""

Text = Annotated[str, Field(max_length=2_000)]
"""A sentence or a note."""

CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 alphabetic code."""

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""An ISO 3166-1 alpha-2 code."""
