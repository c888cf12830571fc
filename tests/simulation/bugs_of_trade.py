"""Planted bugs in what is agreed with a customer: what is charged, what stands still, what is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_args
from unittest.mock import patch

from services.order.domain import taking
from services.order.domain.delivery import Delivery
from shared.events.order import HoldReason, OrderCancelled
from shared.events.payload import Payload
from shared.events.payment import CapturePayment
from shared.eventsourcing.decider import NOTHING, Context, Decision, Route, States
from tests.simulation import services


@contextmanager
def half_collected() -> Iterator[None]:
    right = services.MODELS["payment"].routes[CapturePayment]

    def decide(states: States, message: CapturePayment, context: Context) -> Decision:
        return right.decide(states, message.model_copy(update={"amount": message.amount // 2}), context)

    with _routed("payment", CapturePayment, Route(right.streams, decide)):
        yield


@contextmanager
def hold_ignored() -> Iterator[None]:
    with patch("services.order.domain.holds.ALARMS", frozenset(get_args(HoldReason))):
        yield


@contextmanager
def completed_early() -> Iterator[None]:
    def done(self: Delivery) -> bool:
        return any(one.status == "delivered" and one.charged for one in self.fulfilments)

    with patch.object(Delivery, "done", property(done)):
        yield


@contextmanager
def change_ignored() -> Iterator[None]:
    def replace_content(case: Any, order: Any, customer: Any, content: Any) -> Decision:
        return taking._ignore(case, order, content)

    with patch.object(taking, "_replace", replace_content):
        yield


@contextmanager
def cancellation_untold() -> Iterator[None]:
    streams = services.MODELS["notification"].routes[OrderCancelled].streams
    with _routed("notification", OrderCancelled, Route(streams, lambda *_: NOTHING)):
        yield


def _routed(service: str, message: type[Payload], route: Route[Any]) -> Any:
    model = services.MODELS[service]
    changed = replace(model, routes={**model.routes, message: route})
    return patch.object(services, "MODELS", {**services.MODELS, service: changed})
