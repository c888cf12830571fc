"""The smallest channel adapter: orders from a file, published to the intake as any partner would.

The id of each event is made from what it says, so publishing a file twice doubles nothing.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from channels.publishing import NotAcknowledged, OrderPublisher, intake_message
from deploy.local.description import Description
from oms.errors import Stopped, Unreachable
from oms.kafka import kafka_access
from oms.orders_file import Fault, Statement
from oms.output import counted
from shared.events.channel import MOST_BYTES, ChannelOrderReceived

PATIENCE = timedelta(seconds=15)
"""How long a broker that does not answer is tried."""


def publish(
    stack: Description, statements: Sequence[Statement], *, patience: timedelta = PATIENCE
) -> tuple[int, list[Fault]]:
    """Publish orders to the intake; returns how many, and those that are too large for it.

    Raises:
        Unreachable: the broker does not take them; what it took stays published.
        WrongUsage: the settings of the way to it are wrong.
        Stopped: it was interrupted; it says how many were acknowledged.
    """
    orders: list[ChannelOrderReceived] = []
    faults: list[Fault] = []
    for one in statements:
        if len(intake_message(one.order).value) <= MOST_BYTES:
            orders.append(one.order)
        else:
            faults.append(Fault(one.line, "the order is larger than the intake takes"))
    return asyncio.run(_publish(stack, orders, patience)), faults


async def _publish(stack: Description, orders: Sequence[ChannelOrderReceived], patience: timedelta) -> int:
    acknowledged = 0

    def note(published: int) -> None:
        nonlocal acknowledged
        acknowledged = published

    try:
        async with OrderPublisher(kafka_access(stack), prefix=stack.topic_prefix, patience=patience) as publisher:
            return await publisher.publish(orders, note)
    except NotAcknowledged as error:
        raise Unreachable(f"{error}; see `oms status`") from None
    except asyncio.CancelledError:  # Ctrl-C
        told = f"stopped when {acknowledged} of {counted(len(orders), 'order')} were acknowledged"
        raise Stopped(f"{told}; publish the file again, which doubles nothing") from None
