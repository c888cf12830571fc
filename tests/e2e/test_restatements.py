"""Channels restate orders: twice, late, out of order, changed, and in contradiction to themselves."""

from base64 import b64decode

from channels.publishing import intake_message
from shared.events.channel import ChannelOrderReceived, ChannelOrderRejected
from tests.e2e.orders import a_line, an_order, card, number_of, restated
from tests.e2e.shop import Shop


def with_quantity(order: ChannelOrderReceived, quantity: int, *, minutes: float) -> ChannelOrderReceived:
    lines = (order.lines[0].model_copy(update={"quantity": quantity}),)
    return restated(order, minutes=minutes, lines=lines, total=quantity * 1_000)


def test_the_same_message_again_changes_nothing(shop: Shop) -> None:
    sku = shop.sku(EAST=9)
    order = an_order(a_line(sku))

    number = shop.publish(order, order)[0]
    shop.wait(number, "completed")
    shop.publish(order)
    shop.wait(shop.order(a_line(sku)), "completed")

    assert shop.facts(number).count("order.placed") == 1
    assert shop.gateway_effects(number) == [("authorise", 1_000), ("capture", 1_000)]
    shop.until(lambda: shop.stock(sku) == (7, 0), "two units to be shipped")


def test_the_same_order_stated_later_is_reaffirmed(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    number = shop.publish(order, restated(order, minutes=5))[0]

    assert "order.reaffirmed" in shop.wait_for_fact(number, "order.reaffirmed", "order.completed")


def test_an_older_statement_is_dropped_and_recorded(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=9)), payment=card("tok_decline"))
    number = shop.publish(order, with_quantity(order, 5, minutes=-5))[0]

    shop.wait_for_fact(number, "order.restatement-ignored")

    assert shop.wait(number, "awaiting_payment", "cancelled")["total"] == 1_000


def test_of_statements_in_the_wrong_order_the_newest_stands(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=9)))
    statements = [with_quantity(order, quantity, minutes=quantity) for quantity in (3, 1, 2)]

    number = shop.publish(*statements)[0]

    assert shop.wait(number, "completed")["charged"] == 3_000


def test_a_newer_statement_before_confirmation_replaces_the_order(shop: Shop) -> None:
    sku = shop.sku(EAST=9)
    order = an_order(a_line(sku, 4), payment=card("tok_decline"))
    number = shop.publish(order)[0]
    shop.wait(number, "awaiting_payment")

    newer = with_quantity(order, 2, minutes=5).model_copy(update={"payment": card()})
    shop.publish(newer)

    assert shop.wait(number, "completed")["charged"] == 2_000
    assert "order.replaced" in shop.facts(number)
    shop.until(lambda: shop.stock(sku) == (7, 0), "two units to be shipped")


def test_a_newer_statement_after_confirmation_waits_for_a_person(shop: Shop) -> None:
    sku = shop.sku(EAST=9)
    order = an_order(a_line(sku))
    with shop.trouble("carrier", "down"):
        number = shop.publish(order)[0]
        shop.wait(number, "confirmed")
        shop.publish(with_quantity(order, 5, minutes=5))
        hold = shop.wait_for_hold(number, "changed_after_confirmation")
    assert hold["owner"] == "customer-care"
    assert shop.wait(number, "held")["total"] == 1_000

    shop.decide(number, f"holds/{hold['hold_id']}/release")

    assert shop.wait(number, "completed")["charged"] == 1_000


def given_back(shop: Shop, order: ChannelOrderReceived) -> ChannelOrderRejected:
    """What came back of an order."""

    def found() -> ChannelOrderRejected | None:
        for message in shop.rejections():
            rejected = ChannelOrderRejected.model_validate_json(message.value)
            if rejected.channel_order_id == order.channel_order_id:
                return rejected
        return None

    return shop.until(found, "the rejection")


def test_two_different_statements_of_one_time_contradict_and_the_second_is_given_back(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=9)))
    contradiction = with_quantity(order, 5, minutes=0)
    number = shop.publish(order, contradiction)[0]

    shop.wait(number, "completed")

    rejected = given_back(shop, order)
    assert rejected.code == "conflicting_restatement"
    assert b64decode(rejected.original) == intake_message(contradiction).value
    assert shop.find(number_of(order))["total"] == 1_000  # type: ignore[index]  # it is completed, so it is there


def test_a_change_of_an_ended_order_is_given_back(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=9)))
    number = shop.publish(order)[0]
    shop.wait(number, "completed")

    changed = with_quantity(order, 5, minutes=5)
    shop.publish(changed)

    rejected = given_back(shop, order)
    assert (rejected.code, b64decode(rejected.original)) == ("order_ended", intake_message(changed).value)
    assert shop.wait(number, "completed")["charged"] == 1_000
