"""All that the inventory service decides: which messages it takes, and which streams each of them touches."""

from functools import partial

from services.inventory.domain.backorders import hand_over
from services.inventory.domain.messages import (
    BookDispatch,
    ExpireReservation,
    HandOverBackorder,
    ReleaseReserved,
)
from services.inventory.domain.policy import Policy
from services.inventory.domain.releasing import expire, release, release_reserved
from services.inventory.domain.reservation import RESERVATION
from services.inventory.domain.reserving import keep, reserve
from services.inventory.domain.shipping import book_dispatch, book_dispatched
from services.inventory.domain.stock import STOCK
from services.inventory.domain.stock_changes import adjust, count, receive, set_levels, transfer
from shared.events.inventory import (
    AdjustStock,
    CountStock,
    KeepReservation,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    SetStockLevels,
    TransferStock,
)
from shared.events.shipping import ShipmentDispatched
from shared.eventsourcing.decider import Model, Route

StockChange = ReceiveStock | AdjustStock | CountStock | TransferStock | SetStockLevels


def model(policy: Policy | None = None) -> Model:
    """The inventory service's model."""
    policy = policy or Policy()
    return Model(
        service="inventory",
        categories=(STOCK, RESERVATION),
        routes={
            ReserveStock: Route(_of_lines, partial(reserve, policy)),
            KeepReservation: Route(_of_plans, partial(keep, policy)),
            ReleaseStock: Route(
                lambda message: _of_order(message.order_number, message.skus), partial(release, policy)
            ),
            ReleaseReserved: Route(
                lambda message: _of_order(message.release.order_number, message.skus),
                partial(release_reserved, policy),
            ),
            ExpireReservation: Route(
                lambda message: _of_order(message.order_number, message.skus), partial(expire, policy)
            ),
            HandOverBackorder: Route(lambda message: _of_order(message.order_number, (message.sku,)), hand_over),
            ShipmentDispatched: Route(_of_lines, partial(book_dispatched, policy)),
            BookDispatch: Route(
                lambda message: _of_order(message.dispatch.order_number, message.skus),
                partial(book_dispatch, policy),
            ),
            ReceiveStock: Route(_of_sku, partial(receive, policy)),
            AdjustStock: Route(_of_sku, partial(adjust, policy)),
            CountStock: Route(_of_sku, partial(count, policy)),
            TransferStock: Route(_of_sku, partial(transfer, policy)),
            SetStockLevels: Route(_of_sku, partial(set_levels, policy)),
        },
    )


def _of_lines(message: ReserveStock | ShipmentDispatched) -> tuple[str, ...]:
    return _of_order(message.order_number, tuple([line.sku for line in message.lines]))


def _of_plans(message: KeepReservation) -> tuple[str, ...]:
    return _of_order(
        message.order_number, tuple([line.sku for plan in message.fulfilments for line in plan.lines])
    )


def _of_order(order_number: str, skus: tuple[str, ...]) -> tuple[str, ...]:
    """The reservation and the stock of its SKUs, each stream once."""
    return (RESERVATION.stream(order_number), *[STOCK.stream(sku) for sku in dict.fromkeys(skus)])


def _of_sku(message: StockChange) -> tuple[str, ...]:
    return (STOCK.stream(message.sku),)
