"""All that the notification service decides."""

from functools import partial

from services.notification.domain.due import Telling
from services.notification.domain.messages import MailAnswered, OfferAgain, SendNotice
from services.notification.domain.notice import NOTICE
from services.notification.domain.offering import note_contact, offer_again, send_again, take_answer, tell
from services.notification.domain.policy import Policy
from shared.events.order import (
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    OrderReplaced,
    PaymentWindowOpened,
)
from shared.events.shipping import DeliveryDelayed, ShipmentDelivered, ShipmentDispatched
from shared.eventsourcing.decider import Model, Route


def model(policy: Policy | None = None) -> Model:
    """The service's model under a policy."""
    contact = Route(_stream, note_contact)
    telling = Route(_stream, tell)
    return Model(
        service="notification",
        categories=(NOTICE,),
        routes={
            OrderPlaced: contact,
            OrderReplaced: contact,
            OrderConfirmed: telling,
            OrderBackordered: telling,
            OrderCancelled: telling,
            PaymentWindowOpened: telling,
            DeliveryDelayed: telling,
            ShipmentDispatched: telling,
            ShipmentDelivered: telling,
            MailAnswered: Route(_stream, partial(take_answer, policy or Policy())),
            OfferAgain: Route(_stream, offer_again),
            SendNotice: Route(_stream, send_again),
        },
    )


def _stream(
    message: Telling | OrderPlaced | OrderReplaced | MailAnswered | OfferAgain | SendNotice,
) -> tuple[str, ...]:
    return (NOTICE.stream(message.order_number),)
