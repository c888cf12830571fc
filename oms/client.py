"""The services of a running stack over HTTP, as an operator."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args
from urllib.parse import quote

import httpx2

from deploy.local.description import Description, NoStack, read_description
from deploy.local.errors import StackError
from oms.errors import OmsError, Stopped, Unanswered, Unreachable, WrongUsage

ServiceName = Literal["order", "inventory", "payment", "shipping", "notification"]
SERVICES: tuple[str, ...] = get_args(ServiceName)

PAGE = 1_000
"""As many as a service answers at once."""

Json = dict[str, Any]

_DOTS = {".": "%2E", "..": "%2E%2E"}
"""What would lead elsewhere in a path: quoting leaves it as it is."""


class NotFound(OmsError):
    """The service knows nothing of that name."""


class Client:
    """Speaks to every service of a stack under the operator's key; use it as a context manager."""

    def __init__(self, stack: Description, *, timeout_s: float = 30.0) -> None:
        self.stack = stack
        # Servers close what is idle for some seconds; a question must not set out on a line that just went.
        limits = httpx2.Limits(keepalive_expiry=1.0)
        self._http = httpx2.Client(timeout=timeout_s, limits=limits, trust_env=False)

    @classmethod
    def of(cls, state: Path) -> Self:
        """The client of the stack in a state directory; raises as `stack_in` does."""
        return cls(stack_in(state))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, service: str, path: str, **parameters: Any) -> Json:
        """The answer of a service to a question; parameters that are None are left out.

        Raises:
            Unreachable: the service does not answer.
            NotFound: it knows nothing of that name.
            OmsError: it refuses.
        """
        return self._ask("GET", service, path, parameters=parameters)

    def pages(self, service: str, path: str, field: str, **parameters: Any) -> Iterator[Json]:
        """Everything of a list that is answered in pages; raises as `get` does."""
        offset = 0
        while True:
            page = self.get(service, path, limit=PAGE, offset=offset, **parameters)[field]
            yield from page
            if len(page) < PAGE:
                return
            offset += len(page)

    def pages_after(
        self, service: str, path: str, field: str, *, by: str, limit: int = PAGE, **parameters: Any
    ) -> Iterator[Json]:
        """The same of a list whose pages begin after a row, told by one of its fields; raises as `get` does."""
        after = None
        while True:
            page = self.get(service, path, after=after, limit=limit, **parameters)[field]
            yield from page
            if len(page) < limit:
                return
            after = page[-1][by]

    def post(self, service: str, path: str, body: Mapping[str, Any], *, key: str = "") -> Json:
        """The answer of a service to a request; raises as `get` does.

        Under an idempotency key it is done once, however often it is asked for. Where it can't be known whether it
        was done, the error says how to go on.

        Raises:
            Stopped: it was interrupted while it waited for the answer.
        """
        go_on = f"repeat it with --key {key}" if key else "it may be done all the same: look before you repeat it"
        try:
            return self._ask("POST", service, path, body=body, idempotency_key=key)
        except Unanswered as error:
            raise Unanswered(f"{error}; {go_on}") from error
        except KeyboardInterrupt:
            raise Stopped(f"stopped; {go_on}") from None

    def simulator(self, name: str, path: str, **parameters: Any) -> Json:
        """The answer of the gateway, the carrier or the mailbox; raises as `get` does."""
        addresses = {
            "gateway": (self.stack.gateway_url, self.stack.gateway_key),
            "carrier": (self.stack.carrier_url, self.stack.carrier_key),
            "mailbox": (self.stack.mailbox_url, ""),
        }
        url, key = addresses[name]
        if not url:
            raise Unreachable(f"the stack runs no {name}")
        return self._send("GET", name, url, path, key, parameters, None)

    def effects(self, simulator: str) -> Iterator[Json]:
        """Everything in the ledger of the gateway or the carrier, oldest first; raises as `get` does."""
        after = 0
        while True:
            page = self.simulator(simulator, "/v1/ledger", after=after, limit=5_000)
            yield from page["effects"]
            if not page["effects"]:
                return
            after = page["next"]

    def _ask(
        self,
        method: str,
        service: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> Json:
        url = self.stack.services.get(service)
        if not url:
            raise Unreachable(f"the stack runs no {service} service")
        key = self.stack.operator_key
        return self._send(method, f"{service} service", url, path, key, parameters, body, idempotency_key)

    def _send(
        self,
        method: str,
        whom: str,
        url: str,
        path: str,
        key: str,
        parameters: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        idempotency_key: str = "",
    ) -> Json:
        keys = {"Authorization": f"Bearer {key}" if key else "", "Idempotency-Key": idempotency_key}
        request = self._http.build_request(
            method,
            url + path,
            params={name: value for name, value in (parameters or {}).items() if value is not None},
            json=None if body is None else dict(body),
            headers={name: value for name, value in keys.items() if value},
        )
        try:
            response = self._answer(request)
        except httpx2.TransportError as error:
            unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            line = f"the {whom} does not answer at {url} ({_first_line(error)}); see `oms status`"
            raise (Unreachable if unsent else Unanswered)(line) from error
        if response.is_success:
            answer: Json = response.json()
            return answer
        raise _refusal(whom, response)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        """What can be repeated is asked once more if its line is cut; what would be done twice is not."""
        try:
            return self._http.send(request)
        except (httpx2.ReadError, httpx2.RemoteProtocolError):
            if request.method != "GET" and "Idempotency-Key" not in request.headers:
                raise
            return self._http.send(request)


def path_of(*parts: str) -> str:
    """The route of something by the parts of its path, whatever characters they hold.

    Raises:
        WrongUsage: one of them is empty.
    """
    if not all(parts):
        raise WrongUsage("an empty name is none")
    return "".join(f"/{_DOTS.get(part) or quote(part, safe='')}" for part in parts)


def stack_in(state: Path) -> Description:
    """What a state directory says of its stack.

    Raises:
        Unreachable: no stack was ever started there, or its stack.json is of no use.
    """
    try:
        return read_description(state)
    except NoStack as error:
        raise Unreachable(f"{error}; start one with `oms up`") from None
    except StackError as error:
        raise Unreachable(str(error)) from None


def _refusal(whom: str, response: httpx2.Response) -> OmsError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    detail = ""
    if isinstance(problem, dict):
        detail = str(problem.get("detail") or problem.get("message") or problem.get("title") or "")
    line = " ".join((detail or f"the {whom} answered {response.status_code}").split())
    if response.status_code == httpx2.codes.NOT_FOUND:
        return NotFound(line)
    if response.status_code in (
        httpx2.codes.BAD_GATEWAY,
        httpx2.codes.SERVICE_UNAVAILABLE,
        httpx2.codes.GATEWAY_TIMEOUT,
    ):
        return Unanswered(f"the {whom} can't work now: {line}")
    return OmsError(line)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
