"""All that the payment service decides."""

from collections.abc import Callable
from typing import TypeVar

from services.payment.domain.asking import ask_again
from services.payment.domain.authorising import authorisation_answered, authorise, renew, renewal_answered
from services.payment.domain.capturing import capture, capture_answered
from services.payment.domain.evolve import PAYMENT
from services.payment.domain.messages import (
    AskGatewayAgain,
    AuthorisationAnswered,
    CaptureAnswered,
    GatewayNotified,
    RefundAnswered,
    RenewalAnswered,
    RenewAuthorisation,
    VoidAnswered,
)
from services.payment.domain.notices import notified
from services.payment.domain.payment import Payment
from services.payment.domain.policy import Policy
from services.payment.domain.refunding import refund, refund_answered
from services.payment.domain.voiding import void, void_answered
from shared.events.payment import AuthorisePayment, CapturePayment, RefundPayment, VoidPayment
from shared.eventsourcing.decider import Context, Decision, Model, Route, States

PaymentMessage = (
    AuthorisePayment
    | AuthorisationAnswered
    | CapturePayment
    | CaptureAnswered
    | VoidPayment
    | VoidAnswered
    | RefundPayment
    | RefundAnswered
    | RenewAuthorisation
    | RenewalAnswered
    | AskGatewayAgain
    | GatewayNotified
)
M = TypeVar("M", bound=PaymentMessage)
Rule = Callable[[Payment, M, Context, Policy], Decision]


def model(policy: Policy | None = None) -> Model:
    """The rules under a policy; each message touches the payment of its order alone."""
    by = policy or Policy()
    return Model(
        service="payment",
        categories=(PAYMENT,),
        routes={
            AuthorisePayment: _route(authorise, by),
            AuthorisationAnswered: _route(authorisation_answered, by),
            CapturePayment: _route(capture, by),
            CaptureAnswered: _route(capture_answered, by),
            VoidPayment: _route(void, by),
            VoidAnswered: _route(void_answered, by),
            RefundPayment: _route(refund, by),
            RefundAnswered: _route(refund_answered, by),
            RenewAuthorisation: _route(renew, by),
            RenewalAnswered: _route(renewal_answered, by),
            AskGatewayAgain: _route(ask_again, by),
            GatewayNotified: _route(notified, by),
        },
    )


def _route(rule: Rule[M], policy: Policy) -> Route[M]:
    def streams(message: M) -> tuple[str, ...]:
        return (PAYMENT.stream(message.order_number),)

    def decide(states: States, message: M, context: Context) -> Decision:
        return rule(states.of(PAYMENT, message.order_number), message, context, policy)

    return Route(streams=streams, decide=decide)
