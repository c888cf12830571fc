"""Which topics the service consumes, and how their records become messages."""

from shared.events.cloudevents import read_contract

from shared.events.registry import CONTRACT

TOPICS: tuple[str, ...] = ("order.events", "shipping.events")
"""Of what comes on them, the service takes what its model has routes for."""

translate = read_contract(tuple(CONTRACT.values()))
