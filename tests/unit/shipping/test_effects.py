"""Every intent is carried out by one call, and every outcome comes back as a message."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.shipping.carrier import Done, Sold
from services.shipping.domain.messages import HandoverDeclined, QuotesDeclined, VoidDeclined
from services.shipping.effects import effects
from services.shipping.origins import Origins
from shared.events.payload import Command, Event
from shared.events.values import Address
from shared.eventsourcing.partners import Refused, Unknown
from tests.unit.shipping.road import (
    HOME,
    PROMISE,
    QUOTES,
    QUOTES_ANSWERED,
    WHO,
    handover_answer,
    handover_requested,
    label_answer,
    label_refusal,
    label_requested,
    quotes_requested,
    silence,
    void_answer,
    void_requested,
)

EAST = Address(name="East", street="1 Dock Rd", city="Newark", country="US")
STORE = Address(name="Store", street="1 Vine St", city="Cincinnati", country="US")
SILENT = Unknown("no answer within 2 s")
REFUSED = Refused("address_refused", "not served")
SOLD = Sold(label_id="lbl_1", tracking_number="CR1", amount=1010, currency="USD", promised_at=PROMISE)


@dataclass
class OneAnswer:
    """A carrier that answers everything in one way, and remembers what it was asked."""

    answer: Any
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def quotes(self, **about: Any) -> Any:
        self.asked.append(("quotes", about))
        return self.answer

    async def buy_label(self, key: str, **about: Any) -> Any:
        self.asked.append((key, about))
        return self.answer

    async def void(self, key: str, *, label_id: str) -> Any:
        self.asked.append((key, label_id))
        return self.answer

    async def hand_over(self, key: str, *, label_id: str) -> Any:
        self.asked.append((key, label_id))
        return self.answer


def origins() -> Origins:
    return Origins(known={"WH-EAST": EAST}, other=STORE)


QUOTES_DECLINED = QuotesDeclined(**WHO, asked=1, refusal_code="address_refused", explanation="not served")


@pytest.mark.parametrize(
    ("intent", "answer", "message"),
    [
        (quotes_requested(), QUOTES, QUOTES_ANSWERED),
        (quotes_requested(), REFUSED, QUOTES_DECLINED),
        (quotes_requested(2), SILENT, silence("quotes", 2)),
        (label_requested(), SOLD, label_answer()),
        (label_requested(), REFUSED, label_refusal()),
        (label_requested(asked=3), SILENT, silence("label-1", 3)),
        (void_requested(), Done(), void_answer()),
        (void_requested(), Refused("handed_over"), VoidDeclined(**WHO, label_id="lbl_1")),
        (void_requested(), SILENT, silence("void-1")),
        (handover_requested(), Done(), handover_answer()),
        (handover_requested(), Refused("voided"), HandoverDeclined(**WHO, label_id="lbl_1")),
        (handover_requested(), SILENT, silence("handover-1")),
    ],
)
async def test_what_came_of_an_intent_is_told(intent: Event, answer: object, message: Command) -> None:
    made = effects(OneAnswer(answer), origins())
    assert await made[type(intent)](intent) == message


async def test_parcels_leave_from_the_address_of_their_location() -> None:
    carrier = OneAnswer(SOLD)
    made = effects(carrier, origins())
    intent = label_requested()
    await made[type(intent)](intent)
    await made[type(intent)](intent.model_copy(update={"location": "STORE-7"}))
    (key, about), (_, other) = carrier.asked
    assert key == intent.idempotency_key
    assert about == {
        "service": "standard",
        "reference": intent.fulfilment_id,
        "origin": EAST,
        "destination": HOME,
        "weight_grams": 2300,
    }
    assert other["origin"] == STORE
