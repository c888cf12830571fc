"""Opening and releasing holds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from services.order.domain.case import Case
from services.order.domain.order import Hold, NoOrder, Order
from services.order.domain.review import Finding
from shared.events.order import HoldOpened, HoldReason, HoldReleased
from shared.events.values import Address
from shared.eventsourcing.decider import Recorded

OWNERS: Mapping[HoldReason, str] = MappingProxyType(
    {
        "shortage": "warehouse",
        "changed_after_confirmation": "customer-care",
        "reservation_overdue": "warehouse",
        "payment_overdue": "payments",
        "authorisation_lapsed": "payments",
        "payment_anomaly": "payments",
        "shipment_overdue": "warehouse",
        "delivery_exception": "warehouse",
        "capture_refused": "payments",
        "carrier_refused": "warehouse",
        "compensation_overdue": "operations",
    }
)
"""Who answers for the holds that the rules open; those of the review name their owner themselves."""

ALARMS: frozenset[HoldReason] = frozenset(
    {
        "reservation_overdue",
        "payment_overdue",
        "shipment_overdue",
        "delivery_exception",
        "capture_refused",
        "compensation_overdue",
    }
)
"""Holds that give a wait or a trouble an owner. They stop nothing, and are released by what was waited for."""


LONGEST = 2_000
"""Characters of an explanation."""


def open_holds(order: Order) -> tuple[Hold, ...]:
    """The holds that are open on the order and on its fulfilments."""
    return () if isinstance(order, NoOrder) else order.dossier.holds


def stands_still(order: Order, fulfilment_id: str = "") -> bool:
    """Whether a hold stops the whole order, or stops the named fulfilment."""
    return any(
        hold.reason not in ALARMS and hold.fulfilment_id in ("", fulfilment_id) for hold in open_holds(order)
    )


def hold(case: Case, reason: HoldReason, explanation: str, fulfilment_id: str = "") -> tuple[Recorded, ...]:
    """Open a hold that no review asks for, unless it is open already."""
    assert not isinstance(case.order, NoOrder)
    dossier = case.order.dossier
    if dossier.hold_of(reason, fulfilment_id) is not None:
        return ()
    opened = HoldOpened(
        order_number=case.number,
        hold_id=f"H{dossier.holds_opened + 1}",
        reason=reason,
        explanation=_fitting(explanation),
        owner=OWNERS[reason],
        fulfilment_id=fulfilment_id,
    )
    return case.of_order(opened)


def hold_for(case: Case, findings: Sequence[Finding], opened_before: int) -> tuple[Recorded, ...]:
    """Open a hold for each finding of a review."""
    return case.of_order(
        *(
            HoldOpened(
                order_number=case.number,
                hold_id=f"H{number}",
                reason=finding.reason,
                explanation=finding.explanation,
                owner=finding.owner,
            )
            for number, finding in enumerate(findings, start=opened_before + 1)
        )
    )


def release(case: Case, hold: Hold, address: Address | None = None) -> tuple[Recorded, ...]:
    """Release one hold."""
    return case.of_order(
        HoldReleased(
            order_number=case.number,
            hold_id=hold.hold_id,
            reason=hold.reason,
            fulfilment_id=hold.fulfilment_id,
            address=address,
        )
    )


def release_for(case: Case, reason: HoldReason, fulfilment_id: str = "") -> tuple[Recorded, ...]:
    """Release the hold for a reason that is no more."""
    return tuple(
        recorded
        for hold in open_holds(case.order)
        if hold.reason == reason and hold.fulfilment_id == fulfilment_id
        for recorded in release(case, hold)
    )


def release_on(case: Case, fulfilment_id: str, *, besides: tuple[HoldReason, ...] = ()) -> tuple[Recorded, ...]:
    """Release the holds on a fulfilment that there is nothing to decide about any more."""
    return tuple(
        recorded
        for hold in open_holds(case.order)
        if hold.fulfilment_id == fulfilment_id and hold.reason not in besides
        for recorded in release(case, hold)
    )


def _fitting(explanation: str) -> str:
    """What is named in it may be long, and many."""
    return explanation if len(explanation) <= LONGEST else f"{explanation[: LONGEST - 1]}…"
