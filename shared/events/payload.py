"""What every message of the contract is: a frozen, documented value with a stable name and a version."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.events.docstrings import field_docstrings


class Value(BaseModel):
    """A frozen part of a message. Unknown fields are ignored, so that a reader outlives a newer writer."""

    # A process starts a quarter sooner when it builds only what it reads, and describes only what is asked for.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe each field by the docstring below it."""
        reference = handler(core_schema)
        properties = handler.resolve_ref_schema(reference).get("properties", {})
        texts = field_docstrings(cls)
        for name in properties.keys() & texts.keys():
            properties[name]["description"] = texts[name]
        return reference


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

    def happened_at(self) -> datetime | None:
        """When it happened by the account of who saw it; None where it happened by being recorded."""
        return None


class Event(Payload):
    """A fact in the past tense; it belongs to the service that states it."""


class Command(Payload):
    """A request in the imperative; it belongs to the service that carries it out."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a type of the contract says of itself in the schemas; a field's own text stands before it."""

    text: str
    unit: str = ""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        schema["description"] = self.text
        if self.unit:
            schema["x-unit"] = self.unit
        return schema


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC the moment lies outside of the years 1 to 9999") from None


Instant = Annotated[
    AwareDatetime, AfterValidator(_to_utc), Described("A moment, RFC 3339 with an offset, kept in UTC.")
]

MinorUnits = Annotated[
    int,
    Field(ge=0, le=10**15),
    Described(
        "An amount of money in minor units (cents, fen) of the currency named beside it.", unit="minor units"
    ),
]

Quantity = Annotated[
    int,
    Field(gt=0, le=10**9),
    Described("A positive number of whole stock-keeping units.", unit="stock-keeping units"),
]

Count = Annotated[
    int,
    Field(ge=0, le=10**9),
    Described("A number of whole stock-keeping units that may be zero.", unit="stock-keeping units"),
]

Change = Annotated[
    int,
    Field(ge=-(10**9), le=10**9),
    Described("Whole stock-keeping units added (positive) or taken away (negative).", unit="stock-keeping units"),
]

Ordinal = Annotated[
    int,
    Field(gt=0, le=10**9),
    Described("Which time this is: 1 is the first.", unit="times"),
]

Grams = Annotated[int, Field(gt=0, le=10**9), Described("A weight in grams.", unit="grams")]

Days = Annotated[int, Field(gt=0, le=10**9), Described("A number of days, of 24 hours each.", unit="days")]

Priority = Annotated[int, Field(ge=-1_000, le=1_000), Described("Higher goes first; 0 is usual.", unit="rank")]

Name = Annotated[str, Field(min_length=1, max_length=200), Described("A short name or identifier.")]

Text = Annotated[str, Field(max_length=2_000), Described("A sentence or a note.")]

CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), Described("An ISO 4217 alphabetic code.")]

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), Described("An ISO 3166-1 alpha-2 code.")]

OrderNumber = Annotated[Name, Described("The order's number, given when it was placed and never changed.")]

FulfilmentId = Annotated[Name, Described("The fulfilment, `<order number>-F<n>`.")]

LineId = Annotated[Name, Described("The line, unique within its order.")]

Sku = Annotated[Name, Described("The stock-keeping unit.")]

Location = Annotated[Name, Described("The warehouse or store that keeps the units.")]

IdempotencyKey = Annotated[Name, Described("Under which the outside is asked; the same key never acts twice.")]

Attributes = Annotated[dict[str, str], Field(max_length=100), Described("Names and values, all of them text.")]
