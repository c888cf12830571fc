"""What the service can be asked over HTTP about its notices."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.notification.api import routers
from services.notification.domain.messages import SendNotice
from services.notification.views import NOTICES, NoticeFact
from shared.events.notification import NoticeDelayed, NoticeFailed, NoticeOwed, NoticeSent
from shared.events.payload import Payload
from shared.eventsourcing.api_keys import ApiKey
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.problems import answer_problems
from shared.eventsourcing.testing import NOON
from shared.eventsourcing.views import Fact, Row, Stated, View
from tests.unit.notification.samples import requested

SENT = NoticeSent(order_number="SO-7", notice_id="SO-7-confirmation", kind="confirmation")
OWED = NoticeOwed(order_number="SO-8", kind="dispatch", subject_id="SO-8-F1", facts={})
DELAYED = NoticeDelayed(
    order_number="SO-7",
    notice_id="SO-7-confirmation",
    explanation="down",
    ask_again_at=NOON + timedelta(seconds=2),
)
UNREACHABLE = NoticeFailed(
    order_number="SO-9", notice_id="SO-9-cancelled", kind="cancelled", explanation="no address"
)


def folded(*events: NoticeFact, at: Sequence[datetime] = ()) -> dict[str, Row]:
    """The rows of the view after these facts."""
    rows: dict[str, Row] = {}
    for position, event in enumerate(events):
        for key in NOTICES.keys(event):
            fact = Fact(
                event=event,
                id=UUID(int=position),
                stream=f"notice-{event.order_number}",
                version=position,
                lane=1,
                position=position,
                partition_key="key",
                correlation_id="key",
                actor="system",
                reason="",
                occurred_at=NOON,
                recorded_at=at[position] if at else NOON,
            )
            row = NOTICES.project(key, rows.get(key), fact)
            assert row is not None
            rows[key] = row
    return rows


def status_of(*events: NoticeFact) -> tuple[str, str, int]:
    (row,) = folded(*events).values()
    return row["kind"], row["status"], row["tries"]


def test_a_notice_is_listed_with_its_status_and_tries() -> None:
    assert status_of(requested()) == ("confirmation", "offered", 1)
    assert status_of(requested(), DELAYED) == ("confirmation", "delayed", 1)
    assert status_of(requested(), DELAYED, requested(2)) == ("confirmation", "offered", 2)
    assert status_of(requested(), DELAYED, requested(2), SENT) == ("confirmation", "sent", 2)


def test_a_notice_that_waits_for_the_mail_server_says_since_when_and_why() -> None:
    later = DELAYED.model_copy(update={"explanation": "still down", "ask_again_at": NOON + timedelta(hours=1)})
    at = tuple(NOON + timedelta(minutes=minute) for minute in range(6))

    (delayed,) = folded(requested(), DELAYED, requested(2), later, at=at).values()
    (offered,) = folded(requested(), DELAYED, requested(2), later, requested(3), at=at).values()
    (sent,) = folded(requested(), DELAYED, requested(2), later, requested(3), SENT, at=at).values()

    assert (delayed["waiting_since"], delayed["explanation"]) == (at[1].isoformat(), "still down")
    assert delayed["ask_again_at"] == (NOON + timedelta(hours=1)).isoformat()
    assert (offered["status"], offered["waiting_since"], offered["explanation"], offered["ask_again_at"]) == (
        "offered",
        at[1].isoformat(),
        "still down",
        "",
    )
    assert (sent["waiting_since"], sent["explanation"], sent["ask_again_at"]) == ("", "", "")


def test_a_notice_that_is_owed_is_listed_under_the_id_it_will_have() -> None:
    assert set(folded(OWED)) == {"SO-8-dispatch-F1"}


def test_a_notice_that_was_never_requested_is_listed_with_its_kind() -> None:
    assert status_of(UNREACHABLE) == ("cancelled", "failed", 0)


class Rows:
    """A reader of rows held in memory."""

    def __init__(self, rows: dict[str, Row]) -> None:
        self._rows = rows

    async def get(self, view: View, key: str) -> Row | None:
        return self._rows.get(key)

    async def find(
        self,
        view: View,
        where: Mapping[str, str | Sequence[str]],
        *,
        order_by: str = "",
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        found = [row for row in self._rows.values() if all(row[field] == where[field] for field in where)]
        return found[offset : offset + limit]

    async def count_by(self, view: View, field: str) -> dict[str, int]:
        return dict(Counter(row[field] for row in self._rows.values()))

    async def facts(self, stream: str) -> list[Stated]:
        raise AssertionError("the service reads no log")

    async def taken(self, message_id: UUID) -> bool:
        raise AssertionError("the service refuses nothing before it is a message")


class Desk:
    """Takes what is submitted and answers what it is told to."""

    def __init__(self) -> None:
        self.reply = Reply("accepted", {"notice_id": "SO-9-cancelled", "status": "offered"})
        self.taken: list[tuple[Payload, str, str]] = []

    async def submit(self, message: Payload, *, actor: str, reason: str = "", **rest: object) -> Reply:
        self.taken.append((message, actor, reason))
        return self.reply


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    app = FastAPI()
    answer_problems(app)
    app.state.api_keys = [
        ApiKey(name=name, sha256=sha256(name.encode()).hexdigest(), scopes=(scope,))
        for name, scope in (("reader", "notices:read"), ("writer", "notices:write"), ("stranger", "orders:read"))
    ]
    rows = folded(requested(), SENT, OWED, UNREACHABLE)
    for router in routers(desk.submit, Rows(rows)):
        app.include_router(router)
    with TestClient(app, headers={"Authorization": "Bearer reader"}) as client:
        yield client


def test_the_notices_of_an_order_are_answered(client: TestClient) -> None:
    (notice,) = client.get("/notices", params={"order_number": "SO-7"}).json()["notices"]

    assert notice == {
        "notice_id": "SO-7-confirmation",
        "order_number": "SO-7",
        "kind": "confirmation",
        "status": "sent",
        "tries": 1,
        "explanation": "",
        "waiting_since": "",
        "ask_again_at": "",
        "changed_at": NOON.isoformat(),
    }


def test_notices_are_found_by_status(client: TestClient) -> None:
    found = client.get("/notices", params={"status": "failed"}).json()["notices"]

    assert [notice["notice_id"] for notice in found] == ["SO-9-cancelled"]


def test_the_summary_counts_by_kind_and_status(client: TestClient) -> None:
    assert client.get("/notices/summary").json() == {
        "kinds": {"confirmation": {"sent": 1}, "dispatch": {"owed": 1}, "cancelled": {"failed": 1}}
    }


@pytest.mark.parametrize("path", ["/notices", "/notices/summary"])
def test_no_route_answers_without_the_scope(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer stranger"}).status_code == 403


def test_an_unknown_status_is_a_usage_error(client: TestClient) -> None:
    assert client.get("/notices", params={"status": "lost"}).status_code == 422


AGAIN = "/notices/SO-9-cancelled/send"
WRITER = {"Authorization": "Bearer writer"}
REASON = {"reason": "the address was written wrong"}


def test_a_person_has_a_notice_sent_again_and_says_why(client: TestClient, desk: Desk) -> None:
    answer = client.post(AGAIN, json=REASON, headers=WRITER)

    assert (answer.status_code, answer.json()) == (202, {"notice_id": "SO-9-cancelled", "status": "offered"})
    wanted = SendNotice(order_number="SO-9", notice_id="SO-9-cancelled")
    assert desk.taken == [(wanted, "writer", "the address was written wrong")]


def test_a_notice_that_can_not_be_sent_again_is_a_problem_that_says_why(client: TestClient, desk: Desk) -> None:
    desk.reply = Reply("conflict", {"status": "sent", "explanation": "only what failed is sent again"})

    answer = client.post(AGAIN, json=REASON, headers=WRITER)

    assert answer.status_code == 409
    assert answer.json()["detail"] == "notice SO-9-cancelled is sent: only what failed is sent again"
    assert answer.json()["notice_status"] == "sent"


def test_a_notice_that_nobody_knows_is_a_problem(client: TestClient, desk: Desk) -> None:
    desk.reply = Reply("not_found", {"notice_id": "SO-9-cancelled"})

    answer = client.post(AGAIN, json=REASON, headers=WRITER)

    assert (answer.status_code, answer.json()["detail"]) == (404, "no notice SO-9-cancelled is known")


def test_nobody_has_a_notice_sent_without_the_scope_or_a_reason(client: TestClient, desk: Desk) -> None:
    assert client.post(AGAIN, json=REASON).status_code == 403
    assert client.post(AGAIN, json={"reason": ""}, headers=WRITER).status_code == 422
    assert desk.taken == []
