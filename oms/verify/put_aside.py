"""Messages that a service did not take: they wait for a person, or a person dropped them."""

from collections.abc import Iterator

from oms.client import Client, Json


def put_aside(client: Client, service: str) -> Iterator[Json]:
    """Each with where it came from, and without what is in it."""
    for what in ("parked", "discarded"):
        yield from client.pages_after(service, f"/operations/{what}", what, by="id", payload=False)
