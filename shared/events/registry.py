"""Every message of the contract by its wire type, and the topic that each travels on."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType

from shared.events import channel, inventory, notification, order, payment, shipping
from shared.events.payload import Command, Payload

OWNERS: Mapping[str, ModuleType] = MappingProxyType(
    {
        "channel": channel,
        "order": order,
        "inventory": inventory,
        "payment": payment,
        "shipping": shipping,
        "notification": notification,
    }
)
"""The module of each owner; the owner of a message is the first part of its name."""


def messages_of(module: ModuleType) -> Iterator[type[Payload]]:
    """The named messages that a module defines, in the order of their definition."""
    for candidate in vars(module).values():
        if (
            isinstance(candidate, type)
            and issubclass(candidate, Payload)
            and candidate.__module__ == module.__name__
        ):
            yield candidate


CONTRACT: Mapping[str, type[Payload]] = MappingProxyType(
    {message.wire_type: message for module in OWNERS.values() for message in messages_of(module)}
)
"""Wire type, for example `order.placed.v1`, to model."""


def in_contract(messages: Iterable[type[Payload]]) -> Mapping[str, type[Payload]]:
    """Those of some messages that travel between services, by wire type; the others stay within one."""
    return {message.wire_type: message for message in messages if message.wire_type in CONTRACT}


def topic_of(message: type[Payload]) -> str:
    """The topic, without its prefix, on which a message travels."""
    if message is channel.ChannelOrderReceived:
        return "channel.orders"
    if message is channel.ChannelOrderRejected:
        return "channel.rejected"
    owner = message.message_name.partition(".")[0]
    return f"{owner}.commands" if issubclass(message, Command) else f"{owner}.events"


TOPICS: tuple[str, ...] = tuple(
    sorted({topic_of(message) for message in CONTRACT.values()} | {"notification.commands"})
)
"""Every topic of the contract, without its prefix."""

LISTENERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order": ("channel.orders", "order.commands", "inventory.events", "payment.events", "shipping.events"),
        "inventory": ("inventory.commands", "shipping.events"),
        "payment": ("payment.commands",),
        "shipping": ("shipping.commands",),
        "notification": ("order.events", "shipping.events"),
    }
)
"""The topics that each service listens to."""

SENDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order": (
            "order.events",
            "channel.rejected",
            "inventory.commands",
            "payment.commands",
            "shipping.commands",
        ),
        "inventory": ("inventory.events",),
        "payment": ("payment.events",),
        "shipping": ("shipping.events",),
        "notification": ("notification.events",),
    }
)
"""The topics that each service sends to."""
