"""What people decide about a customer."""

from services.order.domain.customer import CUSTOMER, Customer
from services.order.domain.messages import FreeCredit
from services.order.domain.order import Order, counts_for
from shared.events.order import (
    BlockCustomer,
    CreditFreed,
    CreditLimitSet,
    CustomerBlocked,
    CustomerUnblocked,
    SetCreditLimit,
    UnblockCustomer,
)
from shared.events.payload import Event
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reply


def block(customer: Customer, message: BlockCustomer, context: Context) -> Decision:
    """New orders of the customer wait for a person."""
    changes = not customer.blocked
    return _decided(message.customer_id, context, CustomerBlocked(customer_id=message.customer_id), changes)


def unblock(customer: Customer, message: UnblockCustomer, context: Context) -> Decision:
    """New orders of the customer pass again; those that are held are released one by one."""
    return _decided(
        message.customer_id, context, CustomerUnblocked(customer_id=message.customer_id), customer.blocked
    )


def set_credit_limit(customer: Customer, message: SetCreditLimit, context: Context) -> Decision:
    """Limit what the customer's open orders may add up to, from the next order on."""
    changed = (customer.credit_limit, customer.currency) != (message.limit, message.currency)
    limit = CreditLimitSet(customer_id=message.customer_id, limit=message.limit, currency=message.currency)
    return _decided(message.customer_id, context, limit, changed)


def free_credit(customer: Customer, order: Order, message: FreeCredit) -> Decision:
    """An order that has ended, or is another customer's by now, no longer counts."""
    amount = customer.open_orders.get(message.order_number)
    if amount is None or counts_for(order, message.customer_id):
        return NOTHING
    freed = CreditFreed(
        customer_id=message.customer_id,
        order_number=message.order_number,
        amount=amount,
        currency=customer.currency,
    )
    return Decision((Recorded(CUSTOMER.stream(message.customer_id), freed),))


def _decided(customer_id: str, context: Context, event: Event, changes: bool) -> Decision:
    if not context.reason.strip():
        detail = "A decision of a person needs a reason."
        return Decision(reply=Reply("refused", {"customer_id": customer_id, "detail": detail}))
    events = (Recorded(CUSTOMER.stream(customer_id), event),) if changes else ()
    return Decision(events, reply=Reply("accepted", {"customer_id": customer_id}))
