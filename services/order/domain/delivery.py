"""The fulfilments of a confirmed order: how far each has come, and what of the money is collected."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.events.order import (
    AuthorisationSought,
    CaptureDelayed,
    CompensationPart,
    FulfilmentCharged,
    FulfilmentProgressed,
    KeepRequested,
    PaymentSecured,
    PricedFulfilment,
)
from shared.events.values import PaymentMethod, RequestedLine

FulfilmentStatus = Literal["planned", "requested", "held", "dispatched", "delivered", "cancelled"]
Cover = Literal["authorised", "lapsed", "authorising", "voiding", "voided"]
"""Whether an authorisation stands behind what is not captured; at the end the rest of it is voided."""

Stock = Literal["kept", "keeping", "taking", "missing"]
"""Whether the units of what has not left are reserved for good; asked to be kept, or to be taken again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """One fulfilment of a confirmed order."""

    fulfilment_id: str
    location: str
    lines: tuple[RequestedLine, ...]
    """Empty once the parcel has left."""
    amount: int
    """What is captured at its dispatch, in minor units."""
    status: FulfilmentStatus = "planned"
    waits: int = 0
    """How many waits for its dispatch or its delivery have begun; the deadline of an earlier one is stale."""
    charged: bool = False
    tries: int = 0
    """How often its capture failed."""

    @property
    def at_hand(self) -> bool:
        """It has not left, and may still be held or called back."""
        return self.status in ("planned", "requested", "held")

    @property
    def left(self) -> bool:
        return self.status in ("dispatched", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """All fulfilments of an order with their money."""

    fulfilments: tuple[Fulfilment, ...]
    attempt: int
    authorised: int
    """All that was ever authorised for the delivery, in minor units."""
    captured: int = 0
    cover: Cover = "authorised"
    stock: Stock = "kept"
    asks: int = 0
    """How often inventory was asked for the stock; the deadline of an earlier ask is stale."""
    payment: PaymentMethod | None = None
    """None: there was nothing to pay."""
    releasing: tuple[str, ...] = ()
    """Cancelled fulfilments whose stock is being given back."""
    window_until: datetime | None = None
    """Until when the customer was told to pay again, once another payment was declined."""

    @staticmethod
    def of(
        fulfilments: tuple[PricedFulfilment, ...],
        *,
        attempt: int,
        authorised: int,
        payment: PaymentMethod | None,
    ) -> "Delivery":
        """The delivery as it begins."""
        return Delivery(
            fulfilments=tuple(
                Fulfilment(
                    fulfilment_id=one.fulfilment_id, location=one.location, lines=one.lines, amount=one.amount
                )
                for one in fulfilments
            ),
            attempt=attempt,
            authorised=authorised,
            payment=payment,
        )

    def find(self, fulfilment_id: str) -> Fulfilment | None:
        """A fulfilment by its id."""
        for fulfilment in self.fulfilments:
            if fulfilment.fulfilment_id == fulfilment_id:
                return fulfilment
        return None

    @property
    def at_hand(self) -> tuple[Fulfilment, ...]:
        """What has not left, and is not cancelled."""
        return tuple(one for one in self.fulfilments if one.at_hand)

    @property
    def uncharged(self) -> int:
        """The value of all that is still to be captured, in minor units."""
        return sum(one.amount for one in self.fulfilments if not one.charged and one.status != "cancelled")

    @property
    def done(self) -> bool:
        """Everything that was not cancelled is delivered and charged, and no stock is being given back."""
        return not self.releasing and all(
            one.status == "cancelled" or (one.status == "delivered" and one.charged) for one in self.fulfilments
        )

    def progressed(self, event: FulfilmentProgressed) -> "Delivery":
        """One fulfilment in its next status."""
        fulfilment = self.find(event.fulfilment_id)
        if fulfilment is None:
            return self
        begins_wait = event.status in ("requested", "dispatched")
        moved = self._with(
            replace(
                fulfilment,
                status=event.status,
                waits=fulfilment.waits + begins_wait,
                lines=() if event.status in ("dispatched", "delivered") else fulfilment.lines,
            )
        )
        # Nothing is requested before the stock is kept.
        return replace(moved, stock="kept") if event.status == "requested" else moved

    def asked(self, event: KeepRequested) -> "Delivery":
        """Inventory is asked for the stock of what has not left."""
        return replace(self, stock="taking" if event.again else "keeping", asks=self.asks + 1)

    def charged(self, event: FulfilmentCharged) -> "Delivery":
        """The value of one fulfilment is collected."""
        fulfilment = self.find(event.fulfilment_id)
        if fulfilment is None:
            return self
        return replace(self._with(replace(fulfilment, charged=True)), captured=self.captured + event.amount)

    def delayed(self, event: CaptureDelayed) -> "Delivery":
        """The capture of one fulfilment failed once more."""
        fulfilment = self.find(event.fulfilment_id)
        return self if fulfilment is None else self._with(replace(fulfilment, tries=event.tries))

    def sought(self, event: AuthorisationSought) -> "Delivery":
        """Another authorisation is under way."""
        return replace(self, cover="authorising", attempt=event.attempt, payment=event.payment)

    def secured(self, event: PaymentSecured) -> "Delivery":
        """Another authorisation stands."""
        authorised = self.authorised + event.amount
        return replace(self, cover="authorised", authorised=authorised, window_until=None)

    def given_back(self, part: CompensationPart) -> "Delivery":
        """The stock of cancelled fulfilments, or what was authorised and not captured, is given back."""
        if part == "payment":
            return replace(self, cover="voided")
        kept = tuple(
            replace(one, lines=()) if one.fulfilment_id in self.releasing else one for one in self.fulfilments
        )
        return replace(self, fulfilments=kept, releasing=())

    def _with(self, changed: Fulfilment) -> "Delivery":
        return replace(
            self,
            fulfilments=tuple(
                changed if one.fulfilment_id == changed.fulfilment_id else one for one in self.fulfilments
            ),
        )
