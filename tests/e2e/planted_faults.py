"""What must never happen, each planted in a database by hand, and what must be said about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.e2e.sound_world import World


def delete(number: str, fact: str) -> str:
    """Take a fact of an order out of the log."""
    return f"delete from log where correlation_id = '{number}' and type = '{fact}.v1'"


def change(number: str, fact: str, old: str, new: str) -> str:
    """Change the payload of a fact of an order."""
    return (
        f"update log set payload = replace(payload::text, '{old}', '{new}')::json "
        f"where correlation_id = '{number}' and type = '{fact}.v1'"
    )


def again(number: str, fact: str, version: str) -> str:
    """Put a copy of a fact of an order behind the end of its lane, where no reader of the service looks."""
    return f"""
        insert into log
        select lane.lane, lane.head + 1, gen_random_uuid(), kind, type, topic, stream, {version},
            partition_key, correlation_id, causation_id, actor, reason, occurred_at, recorded_at, traceparent,
            payload, hash
        from log join lane using (lane) where correlation_id = '{number}' and type = '{fact}.v1'"""


def pass_over(number: str) -> str:
    """Move the relay's cursor on by one in the lane of an order."""
    return f"""
        update reader set position = position + 1
        where reader = 'relay' and lane = (select lane from log where correlation_id = '{number}' limit 1)"""


@dataclass(frozen=True)
class Fault:
    """What is broken where, and what must be said about it."""

    invariant: str
    what: str
    of: str
    statements: Callable[[World], Sequence[str]]


FAULTS = {
    "an order is lost": Fault(
        "1 orders",
        "was taken, and is neither an order nor rejected nor parked",
        "order",
        lambda w: [delete(w.held, "order.placed")],
    ),
    "a rejected message is lost": Fault(
        "1 orders",
        "was taken, and is neither an order nor rejected nor parked",
        "order",
        lambda w: ["delete from log where type = 'channel.order-rejected.v1'"],
    ),
    "an order is placed twice": Fault(
        "1 orders",
        "was placed more than once",
        "order",
        lambda w: [again(w.done, "order.placed", "version + 1000")],
    ),
    "an order has two numbers": Fault(
        "1 orders",
        "has the numbers",
        "order",
        lambda w: [change(w.held, "order.placed", w.channel_order_ids[1], w.channel_order_ids[0])],
    ),
    "an answered order is lost": Fault(
        "1 accepted over HTTP",
        "was answered as created",
        "order",
        lambda w: [delete(w.over_http, "order.placed")],
    ),
    "on hand is wrong": Fault(
        "2 stock",
        "on hand is 96 more than by the facts",
        "inventory",
        lambda w: [
            "update stream set state = jsonb_set(state::jsonb, '{shelves,WH-EAST,on_hand}', '99')::json "
            f"where stream = 'stock-{w.sku}'"
        ],
    ),
    "reserved is above on hand": Fault(
        "2 stock",
        "more has been reserved than was on hand",
        "inventory",
        lambda w: [change(w.done, "inventory.stock-allocated", '"quantity":2', '"quantity":50')],
    ),
    "stock is negative": Fault(
        "2 stock",
        "on hand or reserved has been negative",
        "inventory",
        lambda w: [change(w.sku, "inventory.stock-received", '"quantity":5', '"quantity":1')],
    ),
    "the stock of a SKU is gone": Fault(
        "2 stock",
        "is not in the store",
        "inventory",
        lambda w: [f"delete from stream where stream = 'stock-{w.sku}'"],
    ),
    "another amount is recorded than was captured": Fault(
        "3 payments",
        "the gateway captured another amount than is recorded",
        "payment",
        lambda w: [change(w.done, "payment.captured", "2000", "1999")],
    ),
    "an order is charged too little": Fault(
        "3 charges",
        "and 1 less was captured than it comes to",
        "payment",
        lambda w: [change(w.done, "payment.captured", "2000", "1999")],
    ),
    "an order states another charge": Fault(
        "3 charges",
        "states another charge than was captured",
        "order",
        lambda w: [change(w.done, "order.completed", "2000", "1999")],
    ),
    "an order waits on nothing": Fault(
        "4 endings",
        "has not ended, and waits on no hold and no deadline",
        "order",
        lambda w: [f"delete from reminder where correlation_id = '{w.waiting}'"],
    ),
    "nobody answers for a hold": Fault(
        "4 endings",
        "is on a hold without an owner",
        "order",
        lambda w: [change(w.held, "order.hold-opened", '"owner":"fraud"', '"owner":""')],
    ),
    "a reservation is left behind": Fault(
        "4 endings",
        "is completed and leaves units",
        "inventory",
        lambda w: [delete(w.done, "inventory.stock-shipped")],
    ),
    "a backorder is left behind": Fault(
        "4 endings",
        "is cancelled and still waits for",
        "inventory",
        lambda w: [delete(w.withdrawn, "inventory.backorder-withdrawn")],
    ),
    "a label is left behind": Fault(
        "4 endings",
        "is completed and leaves a label for",
        "shipping",
        lambda w: [delete(w.done, "shipping.dispatched")],
    ),
    "a fact is deleted": Fault(
        "5 stream versions", "is missing", "payment", lambda w: [delete(w.done, "payment.authorised")]
    ),
    "a version is there twice": Fault(
        "5 stream versions",
        "exists twice",
        "order",
        lambda w: ["drop index log_stream", again(w.done, "order.approved", "version")],
    ),
    "an entry is deleted": Fault(
        "5 hash chains", "are missing", "shipping", lambda w: [delete(w.done, "shipping.label-bought")]
    ),
    "the last entry of a lane is deleted": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "notification",
        lambda w: ["delete from log using lane where log.lane = lane.lane and log.position = lane.head"],
    ),
    "a payload is altered": Fault(
        "5 hash chains",
        "does not follow",
        "order",
        lambda w: [change(w.done, "order.placed", "Ada Byron", "Eve Byron")],
    ),
    "who did it is altered": Fault(
        "5 hash chains",
        "does not follow",
        "order",
        lambda w: [f"update log set actor = 'eve' where correlation_id = '{w.withdrawn}' and actor = 'operator'"],
    ),
    "when it happened is altered": Fault(
        "5 hash chains",
        "does not follow",
        "payment",
        lambda w: [
            "update log set recorded_at = recorded_at - interval '1 microsecond' "
            f"where correlation_id = '{w.done}'"
        ],
    ),
    "a hash is altered": Fault(
        "5 hash chains",
        "does not follow",
        "inventory",
        lambda w: [f"update log set hash = decode(repeat('ab', 32), 'hex') where correlation_id = '{w.done}'"],
    ),
    "the hash of a lane is altered": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "payment",
        lambda w: ["update lane set chain_hash = decode(repeat('ab', 32), 'hex') where head > 0"],
    ),
    "a lane is shortened": Fault(
        "5 hash chains",
        "its head is not the end of its chain",
        "payment",
        lambda w: ["update lane set head = head - 1 where head > 1"],
    ),
    "a message is passed over": Fault(
        "5 stored = published",
        "and it does not stand in order.events",
        "order",
        lambda w: [again(w.done, "order.placed", "version + 1000"), pass_over(w.done)],
    ),
    "a published message is gone from its store": Fault(
        "5 stored = published",
        "stands here and is in no store",
        "payment",
        lambda w: [delete(w.done, "payment.captured")],
    ),
    "a message was not taken": Fault(
        "5 published = consumed + parked",
        "was published and not taken",
        "payment",
        lambda w: ["delete from inbox where source = '/orderstream/order'"],
    ),
    "a message was taken that nobody sent": Fault(
        "5 published = consumed + parked",
        "was taken and is not in the store of order",
        "shipping",
        lambda w: [
            "insert into inbox select gen_random_uuid(), source, lane, digest, reply, received_at from inbox "
            "where source = '/orderstream/order' limit 1"
        ],
    ),
    "the relay stands still": Fault(
        "5 published = consumed + parked",
        "the relay has published nothing past position",
        "inventory",
        lambda w: ["update reader set position = position - 1 where reader = 'relay' and position > 0"],
    ),
    "a state is altered": Fault(
        "5 state = fold of events",
        "the stored state is not the fold of its facts",
        "payment",
        lambda w: [
            f"update stream set state = replace(state::text, '2000', '2001')::json where stream like '%{w.done}'"
        ],
    ),
    "a version is altered": Fault(
        "5 state = fold of events",
        "the stored version is not the number of its facts",
        "order",
        lambda w: [f"update stream set version = version + 1 where stream = 'order-{w.done}'"],
    ),
    "a fact can't be read any more": Fault(
        "5 state = fold of events",
        "can't be folded",
        "order",
        lambda w: [change(w.done, "order.placed", '"order_number"', '"order_numbre"')],
    ),
    "a stream is cut short together with its lane": Fault(
        "5 stored streams",
        "its facts do not reach the version that is stored",
        "notification",
        lambda w: [
            "delete from log using lane "
            "where log.lane = lane.lane and log.position = lane.head and kind = 'event'",
            """update lane set head = head - 1, chain_hash = coalesce(
                (select hash from log where log.lane = lane.lane and position = head - 1),
                decode(repeat('00', 32), 'hex'))
            where head > 0 and not exists (
                select from log where log.lane = lane.lane and position = head)""",
        ],
    ),
    "a stock is stored that never arrived": Fault(
        "5 stored streams",
        "is stored, and no fact is of it",
        "inventory",
        lambda w: [
            f"insert into stream select 'stock-ghost', version, state from stream where stream = 'stock-{w.sku}'"
        ],
    ),
    "a stream is gone": Fault(
        "5 state = fold of events",
        "has no stored state",
        "order",
        lambda w: [f"delete from stream where stream = 'order-{w.done}'"],
    ),
}
