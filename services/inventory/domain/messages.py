"""What the inventory service tells itself."""

from shared.events.inventory import ReleaseStock
from shared.events.payload import Command, Instant, Name, Payload
from shared.events.shipping import ShipmentDispatched


class ExpireReservation(Command, name="inventory.expire-reservation", version=1):
    """A reservation that was not kept is over."""

    order_number: Name
    skus: tuple[Name, ...]
    expires_at: Instant
    """The deadline that is meant; a reservation with another one is another reservation."""


class HandOverBackorder(Command, name="inventory.hand-over-backorder", version=1):
    """Units of one SKU were filled for an order that waits: they become part of its reservation."""

    order_number: Name
    sku: Name


class ReleaseReserved(Command, name="inventory.release-reserved", version=1):
    """A release whose sender did not name every SKU of the reservation, now with all of them."""

    release: ReleaseStock
    skus: tuple[Name, ...]


class BookDispatch(Command, name="inventory.book-dispatch", version=1):
    """A dispatch that named fewer SKUs than its fulfilment holds, now with all of them."""

    dispatch: ShipmentDispatched
    skus: tuple[Name, ...]


INTERNAL: tuple[type[Payload], ...] = (ExpireReservation, HandOverBackorder, ReleaseReserved, BookDispatch)
