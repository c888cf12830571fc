"""What goes wrong on a parcel's way has an owner, until the parcel is delivered or a person releases it."""

from shared.events.inventory import ReservationReleased
from shared.events.order import FulfilmentProgressed, HoldOpened, HoldReleased, ReleaseHold
from shared.events.payment import CapturePayment, PaymentVoided
from shared.events.shipping import ShipmentCancelled
from tests.unit.order.samples import (
    F1,
    F2,
    NUMBER,
    SPLIT,
    VALUE,
    after,
    authorising,
    captured,
    delivered,
    dispatched,
    exception_raised,
    of_order,
    of_placement,
    shipping,
)

RELEASED = HoldReleased(order_number=NUMBER, hold_id="H1", reason="delivery_exception", fulfilment_id=F1)
LOOKED_AFTER = ReleaseHold(order_number=NUMBER, hold_id="H1")


def opened(hold_id: str = "H1", fulfilment_id: str = F1) -> HoldOpened:
    return HoldOpened(
        order_number=NUMBER,
        hold_id=hold_id,
        reason="delivery_exception",
        explanation="nobody at home",
        owner="warehouse",
        fulfilment_id=fulfilment_id,
    )


def progressed(status: str, fulfilment_id: str = F1) -> FulfilmentProgressed:
    return FulfilmentProgressed.model_validate(
        {"order_number": NUMBER, "fulfilment_id": fulfilment_id, "status": status}
    )


def capture(fulfilment_id: str = F1, amount: int = VALUE) -> CapturePayment:
    return CapturePayment(order_number=NUMBER, fulfilment_id=fulfilment_id, amount=amount, currency="USD")


def test_a_parcel_that_met_with_an_exception_gets_an_owner_until_it_arrives() -> None:
    outcome = after(shipping(SPLIT), dispatched(), captured(amount=800)).when(exception_raised())
    outcome.then(*of_order(opened())).then_asked()
    outcome.after.when(exception_raised()).then_nothing_happened()
    outcome.after.when(delivered()).then(
        *of_placement(progressed("delivered")),
        *of_order(RELEASED),
    )


def test_a_person_releases_an_exception_and_the_next_one_alarms_again() -> None:
    released = after(shipping(), dispatched(), exception_raised()).when(LOOKED_AFTER, reason="they try tomorrow")
    released.then(*of_order(RELEASED)).then_asked()
    released.after.when(exception_raised()).then(*of_order(opened("H2")))


def test_an_exception_stops_nothing_else_of_the_order() -> None:
    troubled = after(shipping(SPLIT), dispatched(F1), exception_raised(F1))
    troubled.when(dispatched(F2)).then(*of_placement(progressed("dispatched", F2))).then_asked(capture(F2, 500))


def test_an_exception_that_is_told_before_the_dispatch_outlasts_it() -> None:
    early = after(shipping(), exception_raised())
    early.when(dispatched()).then(*of_placement(progressed("dispatched"))).then_asked(capture())


def test_a_parcel_that_moves_though_it_was_cancelled_gets_an_owner_while_the_order_goes_on() -> None:
    cancelled = ShipmentCancelled(order_number=NUMBER, fulfilment_id=F2)
    going_on = after(shipping(SPLIT), dispatched(F1), captured(F1, 800), cancelled)
    going_on.when(exception_raised(F2)).then(*of_order(opened(fulfilment_id=F2)))
    done = after(going_on, ReservationReleased(order_number=NUMBER, fulfilments=(F2,)), delivered(F1))
    ended = after(done, PaymentVoided(order_number=NUMBER, amount=500, currency="USD"))
    assert ended.states[f"order-{NUMBER}"].status == "completed"
    ended.when(exception_raised(F2)).then_nothing_happened()


def test_an_exception_of_what_is_delivered_or_unknown_alarms_nobody() -> None:
    after(shipping(), dispatched(), delivered()).when(exception_raised()).then_nothing_happened()
    shipping().when(exception_raised("unknown")).then_nothing_happened()
    authorising().when(exception_raised()).then_nothing_happened()
