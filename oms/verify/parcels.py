"""What the carrier's own ledger says of labels and parcels."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label that was bought."""

    fulfilment: str
    key: str
    """The idempotency key under which it was bought."""


@dataclass(slots=True)
class Parcels:
    """The carrier's ledger, added up."""

    labels: dict[str, Label] = field(default_factory=dict)
    """By their ids."""
    unused: set[str] = field(default_factory=set)
    """Labels that were neither voided nor handed over with their parcels."""
    left: Counter[str] = field(default_factory=Counter)
    """How often a parcel of each fulfilment was handed over."""
    doubled: set[str] = field(default_factory=set)
    """Idempotency keys with more than one effect."""


def read_parcels(effects: Iterable[Mapping[str, Any]]) -> Parcels:
    """Add up the effects of a carrier's ledger."""
    parcels = Parcels()
    seen: set[str] = set()
    for effect in effects:
        label, fulfilment, key = effect["label_id"], effect["reference"], effect["idempotency_key"]
        if key in seen:
            parcels.doubled.add(key)
        elif key:
            seen.add(key)
        match effect["operation"]:
            case "buy_label":
                parcels.labels[label] = Label(fulfilment=fulfilment, key=key)
                parcels.unused.add(label)
                continue
            case "hand_over":
                parcels.left[fulfilment] += 1
            case _:
                pass
        parcels.unused.discard(label)
    return parcels
