"""The other services as small models: they carry out requests in order, may answer twice, and keep accounts."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.events.inventory import (
    KeepReservation,
    ReleaseStock,
    ReservationExpired,
    ReservationKept,
    ReservationRefused,
    ReservationReleased,
    ReserveStock,
    StockBackordered,
    StockReserved,
)
from shared.events.payload import Command, Event
from shared.events.payment import (
    AuthorisationLapsed,
    AuthorisePayment,
    CapturePayment,
    CaptureRefused,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentVoided,
    VoidPayment,
)
from shared.events.shipping import (
    CancelShipment,
    HoldShipment,
    LabelRefused,
    RequestShipment,
    ResumeShipment,
    ShipmentCancellationRefused,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentExceptionRaised,
)
from shared.events.values import FulfilmentPlan, RequestedLine, Shortage
from shared.eventsourcing.testing import NOON


@dataclass
class Inventory:
    """Reserves in up to two fulfilments."""

    number: str
    requests: deque[Command] = field(default_factory=deque)
    answers: deque[Event] = field(default_factory=deque)
    reserved: dict[str, FulfilmentPlan] = field(default_factory=dict)
    waiting: ReserveStock | None = None
    expires_at: datetime | None = None
    kept: bool = False
    expired: bool = False
    shipped: set[str] = field(default_factory=set)
    serial: int = 0

    def carry_out(self, willing: bool) -> None:
        """Carry out the next request; `willing` says whether everything is there."""
        match self.requests.popleft():
            case ReserveStock() as request:
                self._reserve(request, willing)
            case ReleaseStock() as request:
                names = request.fulfilments or tuple(self.reserved)
                gone = tuple(name for name in names if self.reserved.pop(name, None))
                self.waiting = None
                if not self.reserved:
                    self.kept = False
                self.answers.append(ReservationReleased(order_number=self.number, fulfilments=gone))
            case KeepReservation() as request:
                self._keep(request, willing)
            case other:
                raise AssertionError(other)

    def _keep(self, request: KeepReservation, willing: bool) -> None:
        plans = {
            plan.fulfilment_id: plan for plan in request.fulfilments if plan.fulfilment_id not in self.shipped
        }
        if self.reserved or self.waiting or (request.fulfilments and not plans):
            self.kept = True
        elif plans and willing:
            self.reserved, self.kept, self.expired = plans, True, False
            self._state(())
        elif plans or self.expired:
            shortages = tuple(_missing(line) for plan in plans.values() for line in plan.lines)
            self.expired = True
            self.answers.append(ReservationExpired(order_number=self.number, shortages=shortages))
            return
        else:
            return
        self.answers.append(ReservationKept(order_number=self.number))

    def _reserve(self, request: ReserveStock, willing: bool) -> None:
        if self.reserved:
            self._state(())
        elif self.waiting:
            self._backorder(self.waiting)
        elif self.expired and self.expires_at == request.expires_at:
            self.answers.append(ReservationExpired(order_number=self.number))
        elif willing:
            self._allocate(request, request.lines)
            self._state(())
        elif request.allow_backorder:
            self.waiting, self.expires_at = request, request.expires_at
            self._backorder(request)
        elif request.allow_partial and len(request.lines) > 1:
            self._allocate(request, request.lines[:1])
            self._state(tuple(_missing(line) for line in request.lines[1:]))
        else:
            shortages = tuple(_missing(line) for line in request.lines)
            self.answers.append(
                ReservationRefused(order_number=self.number, shortages=shortages, expires_at=request.expires_at)
            )

    def stock_arrives(self) -> None:
        """Serve the backorder."""
        if self.waiting:
            self._allocate(self.waiting, self.waiting.lines)
            self.waiting = None
            self._state(())

    def may_expire(self, now: datetime) -> bool:
        """Whether the time of a reservation that was not kept has come."""
        something = self.reserved or self.waiting
        return bool(something and self.expires_at and now >= self.expires_at and not self.kept)

    def expire(self) -> None:
        """Let the reservation run out."""
        self.reserved, self.waiting, self.expired = {}, None, True
        self.answers.append(ReservationExpired(order_number=self.number))

    def _allocate(self, request: ReserveStock, lines: tuple[RequestedLine, ...]) -> None:
        self.serial += 1
        self.expires_at, self.expired = request.expires_at, False
        parts = [lines[:1], lines[1:]] if len(lines) > 1 and request.priority else [lines]
        if len(lines) == 1 and lines[0].quantity > 1:
            less = lines[0].quantity - 1
            parts = [(lines[0].model_copy(update={"quantity": n}),) for n in (1, less)]
        for place, part in enumerate(parts):
            name = f"{self.number}-F{self.serial}{place}"
            self.reserved[name] = FulfilmentPlan(fulfilment_id=name, location="EAST", lines=part)

    def _state(self, short: tuple[Shortage, ...]) -> None:
        assert self.expires_at
        self.answers.append(
            StockReserved(
                order_number=self.number,
                fulfilments=tuple(self.reserved.values()),
                short=short,
                expires_at=self.expires_at,
            )
        )

    def _backorder(self, request: ReserveStock) -> None:
        waiting = tuple(_missing(line) for line in request.lines)
        self.answers.append(
            StockBackordered(order_number=self.number, waiting=waiting, expires_at=request.expires_at)
        )


def _missing(line: RequestedLine) -> Shortage:
    return Shortage(line_id=line.line_id, sku=line.sku, missing=line.quantity)


@dataclass
class Payment:
    """Authorises and captures, and keeps the gateway's ledger."""

    number: str
    requests: deque[Command] = field(default_factory=deque)
    answers: deque[Event] = field(default_factory=deque)
    outcomes: dict[int, int | None] = field(default_factory=dict)
    """Attempt to the amount authorised; None: declined."""
    live: int = 0
    """What is set aside."""
    lapsed: int = 0
    """What of it may not be captured any more: it stays set aside until it is voided."""
    authorised: int = 0
    captured: dict[str, int] = field(default_factory=dict)
    currency: str = "USD"

    def carry_out(self, willing: bool) -> None:
        """Carry out the next request, or refuse it."""
        match self.requests.popleft():
            case AuthorisePayment() as request:
                if request.attempt not in self.outcomes:
                    self.outcomes[request.attempt] = request.amount if willing else None
                    self.live += request.amount if willing else 0
                    self.authorised += request.amount if willing else 0
                self._state(request.attempt)
            case CapturePayment() as request:
                self._capture(request, willing)
            case VoidPayment():
                freed, self.live, self.lapsed = self.live, 0, 0
                voided = PaymentVoided(order_number=self.number, amount=freed, currency=self.currency)
                self.answers.append(voided)
            case other:
                raise AssertionError(other)

    def lapse(self) -> None:
        """The authorisation runs out."""
        if self.live > self.lapsed:
            self.lapsed = self.live
            self.answers.append(AuthorisationLapsed(order_number=self.number, authorisation_id="a"))

    def _capture(self, request: CapturePayment, willing: bool) -> None:
        name = request.fulfilment_id
        if name not in self.captured:
            if not willing or self.live - self.lapsed < request.amount:
                refused = CaptureRefused(order_number=self.number, fulfilment_id=name, refusal_code="no")
                self.answers.append(refused)
                return
            self.live -= request.amount
            self.captured[name] = request.amount
        self.answers.append(
            PaymentCaptured(
                order_number=self.number,
                fulfilment_id=name,
                capture_id="c",
                amount=self.captured[name],
                currency=self.currency,
            )
        )

    def _state(self, attempt: int) -> None:
        amount = self.outcomes[attempt]
        if amount is None:
            declined = PaymentDeclined(order_number=self.number, attempt=attempt, decline_code="no_funds")
            self.answers.append(declined)
            return
        self.answers.append(
            PaymentAuthorised(
                order_number=self.number,
                attempt=attempt,
                amount=amount,
                currency=self.currency,
                authorisation_id=f"a{attempt}",
                expires_at=NOON + timedelta(days=7),
            )
        )


@dataclass
class Shipping:
    """Moves parcels, of which none may leave unreserved, and knows which labels are out."""

    number: str
    inventory: Inventory
    requests: deque[Command] = field(default_factory=deque)
    answers: deque[Event] = field(default_factory=deque)
    parcels: dict[str, str] = field(default_factory=dict)
    """Fulfilment to `ready`, `held`, `refused`, `left`, `delivered` or `cancelled`."""

    def carry_out(self, willing: bool) -> None:
        """Carry out the next request; an unwilling carrier refuses the label."""
        match self.requests.popleft():
            case RequestShipment(fulfilment_id=name):
                if name not in self.parcels:
                    self.parcels[name] = "ready" if willing else "refused"
                    if not willing:
                        self.answers.append(
                            LabelRefused(
                                order_number=self.number,
                                fulfilment_id=name,
                                refusal_code="x",
                                explanation="no",
                            )
                        )
            case HoldShipment(fulfilment_id=name):
                if self.parcels.get(name) == "ready":
                    self.parcels[name] = "held"
            case ResumeShipment(fulfilment_id=name):
                if self.parcels.get(name) in ("held", "refused"):
                    self.parcels[name] = "ready"
            case CancelShipment(fulfilment_id=name):
                gone = self.parcels.get(name) in ("left", "delivered")
                if not gone:
                    self.parcels[name] = "cancelled"
                answer = ShipmentCancellationRefused if gone else ShipmentCancelled
                self.answers.append(answer(order_number=self.number, fulfilment_id=name))
            case other:
                raise AssertionError(other)

    def dispatch(self) -> None:
        """The next parcel leaves."""
        for name, status in self.parcels.items():
            if status == "ready":
                self.parcels[name] = "left"
                plan = self.inventory.reserved.pop(name)
                self.inventory.shipped.add(name)
                self.answers.append(
                    ShipmentDispatched(
                        order_number=self.number,
                        fulfilment_id=name,
                        location="EAST",
                        lines=plan.lines,
                        carrier_service="x",
                        tracking_number="t",
                        estimated_delivery=None,
                    )
                )
                return

    def go_wrong(self) -> None:
        """The next parcel meets with an exception on its way, or moves though it was cancelled."""
        for name, status in self.parcels.items():
            if status in ("left", "cancelled"):
                raised = ShipmentExceptionRaised(order_number=self.number, fulfilment_id=name, explanation="lost")
                self.answers.append(raised)
                return

    def deliver(self, now: datetime) -> None:
        """The next parcel arrives."""
        for name, status in self.parcels.items():
            if status == "left":
                self.parcels[name] = "delivered"
                arrived = ShipmentDelivered(order_number=self.number, fulfilment_id=name, delivered_at=now)
                self.answers.append(arrived)
                return
