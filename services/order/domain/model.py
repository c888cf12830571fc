"""All that the order service decides, put together."""

from collections.abc import Callable
from typing import Any

from services.order.domain import accounts, desk, intake, reactions, saga
from services.order.domain.case import Case
from services.order.domain.customer import CUSTOMER, Customer
from services.order.domain.intake import INTAKE
from services.order.domain.messages import DeadlinePassed, FreeCredit, RefuseIntake, TakeChannelOrder
from services.order.domain.order import ORDER
from services.order.domain.paying import payment_anomaly
from services.order.domain.placement import PLACEMENT
from services.order.domain.policy import Policy
from services.order.domain.review import Review, no_findings
from services.order.domain.taking import take
from shared.events.order import (
    ApproveOrder,
    BlockCustomer,
    CancellationRequested,
    CancelOrder,
    CompensationAnswered,
    FulfilmentCharged,
    FulfilmentProgressed,
    HoldOpened,
    HoldReleased,
    KeepRequested,
    OpenHold,
    OrderApproved,
    OrderCancelled,
    OrderCompleted,
    PayAgain,
    PaymentSecured,
    RecallBegan,
    RecallEnded,
    RecallRefused,
    RejectOrder,
    ReleaseHold,
    SetCreditLimit,
    StockKept,
    UnblockCustomer,
)
from shared.events.payload import Event, Payload
from shared.events.payment import PaymentAnomalyDetected
from shared.eventsourcing.decider import Context, Decision, Model, Route, States

Rule = Callable[[Case, Any], Decision]
"""(all that is known of one order, a message about it) -> what follows."""
AccountRule = Callable[[Customer, Any, Context], Decision]

DESK: dict[type[Payload], Rule] = {
    ReleaseHold: desk.release_hold,
    OpenHold: desk.open_hold,
    ApproveOrder: desk.approve,
    RejectOrder: desk.reject,
    CancelOrder: desk.cancel_order,
    PayAgain: desk.pay_again,
}
"""What people ask for."""

ACCOUNTS: dict[type[Payload], AccountRule] = {
    BlockCustomer: accounts.block,
    UnblockCustomer: accounts.unblock,
    SetCreditLimit: accounts.set_credit_limit,
}

REACTIONS: dict[type[Event], Rule] = {
    OrderApproved: reactions.proceed,
    HoldOpened: reactions.hold_opened,
    HoldReleased: reactions.hold_released,
    CancellationRequested: reactions.cancellation_requested,
    CompensationAnswered: reactions.proceed,
    PaymentSecured: reactions.proceed,
    KeepRequested: reactions.proceed,
    StockKept: reactions.proceed,
    FulfilmentProgressed: reactions.delivery_moved,
    FulfilmentCharged: reactions.delivery_moved,
    RecallBegan: reactions.recall_moved,
    RecallRefused: reactions.recall_moved,
    RecallEnded: reactions.recall_ended,
    OrderCancelled: reactions.order_ended,
    OrderCompleted: reactions.order_ended,
}
"""What the placement does when the order states a fact, and the other way round."""


DEFAULT_POLICY = Policy()


def model(policy: Policy = DEFAULT_POLICY, review: Review = no_findings) -> Model:
    """The order service's deciders with their durations and their review."""

    def case_of(states: States, number: str, context: Context) -> Case:
        return Case(
            number=number,
            order=states.of(ORDER, number),
            placement=states.of(PLACEMENT, number),
            context=context,
            policy=policy,
            review=review,
        )

    def by_order(rule: Rule) -> Callable[[States, Any, Context], Decision]:
        def decide(states: States, message: Any, context: Context) -> Decision:
            return rule(case_of(states, message.order_number, context), message)

        return decide

    def take_order(states: States, message: TakeChannelOrder, context: Context) -> Decision:
        customer = states.of(CUSTOMER, message.order.customer.id)
        return take(case_of(states, message.order_number, context), customer, message)

    about_orders = dict.fromkeys(saga.LISTENS_TO, saga.answer) | DESK
    routes: dict[type[Payload], Route[Any]] = {
        TakeChannelOrder: Route(_streams_of_intake, take_order),
        RefuseIntake: Route(_stream_of_refusal, _refuse),
        DeadlinePassed: Route(_streams_of_order, by_order(saga.deadline_passed)),
        PaymentAnomalyDetected: Route(_streams_of_order, by_order(payment_anomaly)),
        FreeCredit: Route(_streams_of_credit, _free_credit),
    }
    routes |= {message: Route(_streams_of_order, by_order(rule)) for message, rule in about_orders.items()}
    routes |= {message: Route(_stream_of_customer, _by_customer(rule)) for message, rule in ACCOUNTS.items()}
    return Model(
        service="order",
        categories=(ORDER, PLACEMENT, CUSTOMER, INTAKE),
        routes=routes,
        reactions={event: by_order(rule) for event, rule in REACTIONS.items()},
    )


def _streams_of_order(message: Any) -> tuple[str, ...]:
    return (ORDER.stream(message.order_number), PLACEMENT.stream(message.order_number))


def _streams_of_intake(message: TakeChannelOrder) -> tuple[str, ...]:
    return (*_streams_of_order(message), CUSTOMER.stream(message.order.customer.id))


def _stream_of_refusal(message: RefuseIntake) -> tuple[str, ...]:
    return (INTAKE.stream(message.intake_id),)


def _stream_of_customer(message: Any) -> tuple[str, ...]:
    return (CUSTOMER.stream(message.customer_id),)


def _streams_of_credit(message: FreeCredit) -> tuple[str, ...]:
    return (CUSTOMER.stream(message.customer_id), ORDER.stream(message.order_number))


def _free_credit(states: States, message: FreeCredit, context: Context) -> Decision:
    customer, order = states.of(CUSTOMER, message.customer_id), states.of(ORDER, message.order_number)
    return accounts.free_credit(customer, order, message)


def _refuse(states: States, message: RefuseIntake, context: Context) -> Decision:
    return intake.refuse(states.of(INTAKE, message.intake_id), message)


def _by_customer(rule: AccountRule) -> Callable[[States, Any, Context], Decision]:
    def decide(states: States, message: Any, context: Context) -> Decision:
        return rule(states.of(CUSTOMER, message.customer_id), message, context)

    return decide
