"""Keeping what the intake could not take."""

from dataclasses import dataclass

from services.order.domain.messages import RefuseIntake
from shared.events.channel import ChannelOrderRejected
from shared.events.payload import Event
from shared.eventsourcing.decider import NOTHING, Category, Decision, Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One message that came to the intake and was not taken."""

    rejected: bool = False


def evolve(state: Intake, event: Event) -> Intake:
    """The intake of one message after a fact."""
    return Intake(rejected=True) if isinstance(event, ChannelOrderRejected) else state


INTAKE: Category[Intake] = Category("intake", Intake, Intake(), evolve)


def refuse(state: Intake, message: RefuseIntake) -> Decision:
    """Give the original bytes back with the reason, once."""
    if state.rejected:
        return NOTHING
    rejected = ChannelOrderRejected(
        code=message.code,
        explanation=message.explanation,
        channel=message.channel,
        channel_order_id=message.channel_order_id,
        source=message.source,
        headers=message.headers,
        original=message.original_base64,
    )
    return Decision((Recorded(INTAKE.stream(message.intake_id), rejected),))
