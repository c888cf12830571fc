"""All that one rule sees of one order."""

from dataclasses import dataclass

from services.order.domain.order import ORDER, Order
from services.order.domain.placement import PLACEMENT, Placement
from services.order.domain.policy import Policy
from services.order.domain.review import Review
from shared.events.payload import Event
from shared.eventsourcing.decider import Context, Decision, Recorded, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One order, how far its placement has come, and what the rules go by."""

    number: str
    order: Order
    placement: Placement
    context: Context
    policy: Policy
    review: Review

    def of_order(self, *events: Event) -> tuple[Recorded, ...]:
        """Facts of the order's stream."""
        return tuple(Recorded(ORDER.stream(self.number), event) for event in events)

    def of_placement(self, *events: Event) -> tuple[Recorded, ...]:
        """Facts of the placement's stream."""
        return tuple(Recorded(PLACEMENT.stream(self.number), event) for event in events)

    def accepted(self, status: str) -> Decision:
        """The answer that a request is carried out."""
        return Decision(reply=Reply("accepted", {"order_number": self.number, "status": status}))
