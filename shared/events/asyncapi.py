"""The AsyncAPI 3.0 document of the contract: who sends what where, and how it looks."""

import inspect
from collections.abc import Iterator
from typing import Any

from shared.events.payload import Command, Payload
from shared.events.registry import CONTRACT, LISTENERS, SENDERS, TOPICS, topic_of
from shared.events.topics import PARTITIONS

Document = dict[str, Any]


def asyncapi_document() -> Document:
    """The whole document; payloads are references to the schema files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Orderstream",
            "version": "1.0.0",
            "description": "Every message of Orderstream: CloudEvents 1.0 on Kafka in binary mode, the payload as "
            "JSON. The Kafka key is the partition key: all that concerns one order travels in order.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {wire_type: _message(message) for wire_type, message in CONTRACT.items()},
            "schemas": {"cloudEventsHeaders": _HEADERS},
            "parameters": {
                "prefix": {"description": "The prefix of the installation.", "default": "orderstream"},
            },
        },
    }


def summary_of(message: type[Payload]) -> str:
    """The first sentence of what a message says of itself."""
    return inspect.cleandoc(message.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def _channel(topic: str) -> Document:
    owner, _, kind = topic.partition(".")
    return {
        "address": "{prefix}." + topic,
        "title": f"{kind.capitalize()} of {owner}",
        "messages": {
            wire_type: {"$ref": f"#/components/messages/{wire_type}"}
            for wire_type, message in CONTRACT.items()
            if topic_of(message) == topic
        },
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "bindings": {"kafka": {"partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Iterator[tuple[str, Document]]:
    for action, table in (("send", SENDERS), ("receive", LISTENERS)):
        for service, topics in table.items():
            for topic in topics:
                yield (
                    f"{service}.{action}.{topic}",
                    {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{topic}"},
                        "summary": f"The {service} service {action}s on {topic}.",
                        "tags": [{"name": service}],
                    },
                )


def _message(message: type[Payload]) -> Document:
    return {
        "name": message.wire_type,
        "title": message.__name__,
        "summary": summary_of(message),
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": {"$ref": "#/components/schemas/cloudEventsHeaders"},
        "payload": {"$ref": f"./{message.wire_type}.json"},
        "tags": [{"name": "command" if issubclass(message, Command) else "event"}],
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The partition key."},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _header(description: str, **more: Any) -> Document:
    return {"type": "string", "description": description, **more}


_HEADERS: Document = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes in Kafka binary mode: each header is UTF-8 text.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    "properties": {
        "ce_specversion": _header("The version of CloudEvents.", const="1.0"),
        "ce_id": _header("The message's id, unique within its source; a service's is a UUID of version 7."),
        "ce_source": _header("Who states it.", examples=["/orderstream/order"]),
        "ce_type": _header("Name and version of the message.", examples=["order.placed.v1"]),
        "ce_time": _header("When it occurred, RFC 3339 with an offset.", format="date-time"),
        "ce_subject": _header("The stream that records it."),
        "ce_dataschema": _header("The name of the payload's schema.", format="uri"),
        "ce_sequence": _header("Its place in the log of its source: `lane:position`.", examples=["17:4711"]),
        "ce_correlationid": _header("The order that it is about, or what stands for it."),
        "ce_causationid": _header("The id of the message that caused it."),
        "ce_partitionkey": _header("What it is ordered by; also the Kafka key."),
        "ce_traceparent": _header("W3C trace context."),
        "ce_actor": _header("Who did it; absent: the system."),
        "ce_reason": _header("Why, where a person decided."),
        "content-type": _header("The payload's media type.", const="application/json"),
    },
}
