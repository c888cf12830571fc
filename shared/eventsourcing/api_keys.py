"""API keys with scopes: every route denies by default."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated

from fastapi import HTTPException, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from shared.events.http_api import SCOPES


def _is_known(scope: str) -> str:
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    return scope


class ApiKey(BaseModel):
    """A key as a service knows it: never the key itself."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1)
    """Who holds it; stands as the actor of what it does."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    scopes: tuple[Annotated[str, AfterValidator(_is_known)], ...]
    """Some of `SCOPES`; `*` is all of them."""


class Caller(BaseModel):
    """Who makes a request, and what they may do."""

    model_config = ConfigDict(frozen=True)

    name: str
    scopes: tuple[str, ...]

    def may(self, scope: str) -> bool:
        return "*" in self.scopes or scope in self.scopes


_bearer = HTTPBearer(auto_error=False, description="An API key of this service")


def identify(keys: Sequence[ApiKey], presented: str) -> Caller | None:
    """The holder of a key, or None."""
    digest = hashlib.sha256(presented.encode()).hexdigest()
    for key in keys:
        if hmac.compare_digest(key.sha256, digest):
            return Caller(name=key.name, scopes=key.scopes)
    return None


def requires(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets only callers with the scope pass: 401 without a known key, 403 without the scope.

    The application keeps its keys in `app.state.api_keys`; the OpenAPI description of the route names the scope.
    """

    async def check(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer, scopes=[scope])],
    ) -> Caller:
        return _permitted(request, credentials, scope)

    return check


def ask_first(route: APIRoute) -> None:
    """Let a route ask for the key before the body is read: nobody parses what a stranger sends."""
    wanted = tuple(_wanted(route.dependant))
    if route.body_field is None or not wanted:
        return
    answer = route.app

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        credentials = await _bearer(request)
        for one in wanted:
            _permitted(request, credentials, one)
        await answer(scope, receive, send)

    route.app = asked


def _permitted(request: Request, credentials: HTTPAuthorizationCredentials | None, scope: str) -> Caller:
    caller = identify(request.app.state.api_keys, credentials.credentials) if credentials else None
    if caller is None:
        raise HTTPException(401, "a known API key is needed", headers={"WWW-Authenticate": "Bearer"})
    if not caller.may(scope):
        raise HTTPException(403, f"the key {caller.name} lacks the scope {scope}")
    return caller


def _wanted(dependant: Dependant) -> Iterator[str]:
    """The scopes that a route depends on."""
    if dependant.call is _bearer:
        yield from dependant.own_oauth_scopes or ()
    for one in dependant.dependencies:
        yield from _wanted(one)
