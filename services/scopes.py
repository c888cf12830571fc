"""The scopes that the routes of the services want, as their OpenAPI descriptions name them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from services.inventory import api as inventory
from services.notification import api as notification
from services.order import api as order
from services.payment import api as payment
from services.payment.domain.model import model
from services.shipping import api as shipping
from shared.eventsourcing.operations_api import operations_routers

NOBODY: Any = None
"""Whom a route would ask if it were called: these are only looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a key may be given, and the routes that it opens."""

    name: str
    service: str
    """Whose routes they are; `every` where all services have them."""
    routes: tuple[str, ...]
    """Each as method and path."""


def scopes() -> tuple[Scope, ...]:
    """All scopes that any route wants."""
    found: dict[tuple[str, str], list[str]] = {}
    for service, routers in _routers().items():
        for scope, route in _wanted(routers):
            found.setdefault((service, scope), []).append(route)
    return tuple(
        Scope(name=scope, service=service, routes=tuple(routes)) for (service, scope), routes in found.items()
    )


def _routers() -> dict[str, Sequence[APIRouter]]:
    return {
        "order": order.routers(NOBODY, NOBODY),
        "inventory": inventory.routers(NOBODY, NOBODY),
        "payment": payment.routers(NOBODY, NOBODY, reports=NOBODY),
        "shipping": shipping.routers(NOBODY, NOBODY, reports=NOBODY),
        "notification": notification.routers(NOBODY, NOBODY),
        "every": operations_routers(model(), NOBODY, NOBODY, {}, NOBODY),
    }


def _wanted(routers: Sequence[APIRouter]) -> Iterator[tuple[str, str]]:
    """Each scope with each route that wants it."""
    routes = [route for router in routers for route in router.routes]
    for path, item in get_openapi(title="", version="", routes=routes)["paths"].items():
        for method, operation in item.items():
            for alternative in operation.get("security", []):
                for wanted in alternative.values():
                    yield from ((scope, f"{method.upper()} {path}") for scope in wanted)
