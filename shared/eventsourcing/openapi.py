"""What the OpenAPI description of a service says of refusals: RFC 9457 problem details, route by route."""

from typing import Any

from fastapi import FastAPI

from shared.eventsourcing.problems import PROBLEM_JSON

REFUSALS = {
    "400": "The request can't be read.",
    "401": "A known API key, or a good signature, is needed.",
    "403": "The API key lacks the scope.",
    "404": "There is no such thing.",
    "409": "It is refused as things stand.",
    "413": "The body is too large.",
    "422": "A value is wrong.",
    "503": "The store does not answer; try again under the same idempotency key.",
}
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457); other members may stand beside these.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "code": {"type": "string", "description": "A stable reason for programs, where there is one."},
        "errors": {
            "type": "array",
            "description": "Every field that is wrong.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


class Application(FastAPI):
    """An application whose description names the refusals of every route."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = PROBLEM
            for item in document["paths"].values():
                for method, operation in item.items():
                    _describe(method, operation)
            self.openapi_schema = document
        return self.openapi_schema


def _describe(method: str, operation: dict[str, Any]) -> None:
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in sorted(_refusals(method, operation)):
        operation["responses"].setdefault(status, {}).update(description=REFUSALS[status], content=content)


def _refusals(method: str, operation: dict[str, Any]) -> set[str]:
    statuses = {"413"}
    parameters = operation.get("parameters", [])
    webhook = "webhooks" in operation.get("tags", [])
    if operation.get("security"):
        statuses |= {"401", "403", "503"}
    if webhook:
        statuses |= {"401", "503"}
    if parameters or "requestBody" in operation:
        statuses |= {"422"}
    if method == "post":
        statuses |= {"400"} if webhook else {"400", "409"}
    if any(one["in"] == "path" for one in parameters):
        statuses |= {"404"}
    return statuses
