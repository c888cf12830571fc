"""`oms parked`: messages that wait for a person, and all that queue behind them."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer

from oms.client import PAGE, SERVICES, Client, Json, ServiceName, path_of
from oms.errors import OmsError
from oms.options import DEFAULT_STATE, AsJson, State
from oms.output import as_document, as_table, counted, printable, say

FEW = 100
"""As many as a service answers at once with their payloads."""
LISTED = ("service", "key", "type", "parked_at", "reason", "waiting_behind")

Service = Annotated[ServiceName, typer.Argument(metavar="SERVICE", help="The service that parked it.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The key, as `oms parked list` shows it.")]


def register(app: typer.Typer) -> None:
    parked = typer.Typer(
        help="Parked messages: they wait for a person, and all later ones of their key behind them."
    )
    parked.command("list")(list_parked)
    parked.command("retry")(retry)
    parked.command("discard")(discard)
    app.add_typer(parked, name="parked")


def list_parked(
    service: Annotated[ServiceName | None, typer.Option("--service", help="Only what this one parked.")] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List the parked message of each key, and how many wait behind it."""
    with Client.of(state) as client:
        rows = [row for one in ([service] if service else SERVICES) for row in _keys(client, one, whole=as_json)]
    if as_json:
        as_document({"parked": rows})
    else:
        as_table("parked", rows, LISTED)


def retry(service: Service, key: Key, state: State = DEFAULT_STATE, as_json: AsJson = False) -> int:
    """Try a key's messages again, in their order until one fails; 0 when none is left."""
    with Client.of(state) as client:
        outcome = client.post(service, path_of("operations", "parked", key, "retry"), {})
    went_through, left = outcome["went_through"], outcome["left"]
    if not went_through and not left:
        raise _nothing_parked(service, key)
    if as_json:
        as_document(outcome)
    else:
        say(
            f"{counted(went_through, 'message')} of {printable(key)} went through"
            + (f", {left} left" if left else "")
        )
    return 1 if left else 0


def discard(
    service: Service,
    key: Key,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept for good with what is dropped.")],
    everything: Annotated[bool, typer.Option("--all", help="All that wait behind it as well.")] = False,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Drop a key's parked message: what it asks is not done. Those behind it wait for a retry, or go by --all."""
    path = path_of("operations", "parked", key, "discard")
    with Client.of(state) as client:
        messages = list(islice(_under(client, service, key), None if everything else 1))
        discarded, left = 0, 0
        for start in range(0, len(messages), PAGE):
            ids = [one["id"] for one in messages[start : start + PAGE]]
            answer = client.post(service, path, {"reason": reason, "messages": ids})
            discarded, left = discarded + answer["discarded"], answer["left"]
    if not discarded:
        raise _nothing_parked(service, key)
    if as_json:
        as_document({"discarded": discarded, "left": left, "reason": reason, "messages": messages})
    else:
        types = Counter(one["type"] or "unreadable" for one in messages)
        dropped = ", ".join(f"{number} {printable(name)}" for name, number in types.items())
        say(
            f"{counted(discarded, 'message')} of {printable(key)} dropped: {dropped}"
            + (f"; {left} left, for `oms parked retry`" if left else "")
        )


def _keys(client: Client, service: str, *, whole: bool) -> Iterator[Json]:
    """The first message of each key, with its payload if `whole`, and how many wait behind it."""
    page = FEW if whole else PAGE
    path = "/operations/parked/keys"
    for one in client.pages_after(service, path, "keys", by="key", limit=page, payload=whole):
        yield {"service": service, **one}


def _under(client: Client, service: str, key: str) -> Iterator[Json]:
    """What a service parked under a key, in the order in which it came."""
    return client.pages_after(service, "/operations/parked", "parked", by="id", key=key, payload=False)


def _nothing_parked(service: str, key: str) -> OmsError:
    return OmsError(f"the {service} service has nothing parked under {printable(key)}")
