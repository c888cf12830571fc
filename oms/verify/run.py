"""All checks in one go, with patience for what is in flight."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oms.client import Client
from oms.output import counted
from oms.verify.accepted import Accepted
from oms.verify.chain import Chain, Versions
from oms.verify.charges import Charges
from oms.verify.deliveries import Deliveries
from oms.verify.endings import Endings
from oms.verify.finding import Check, Finding, Partial, Prepared
from oms.verify.intake import Intake
from oms.verify.logs import Logs
from oms.verify.orders import Orders
from oms.verify.payments import Payments
from oms.verify.published import Published
from oms.verify.states import States
from oms.verify.stock import Stock
from oms.verify.streams import Streams
from oms.verify.topics import Topics

PAUSE_S = 0.5
STREAMS_PER_SERVICE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one check came to."""

    invariant: str
    checked: str
    findings: tuple[Finding, ...]
    not_checked: str = ""
    """What was not given and would be needed to check the rest; empty where all was checked."""


def all_checks(
    streams_per_service: int = STREAMS_PER_SERVICE,
    intake: Intake | None = None,
    topics: Topics | None = None,
    *,
    reserved_by_hand: tuple[str, ...] = (),
) -> tuple[Check, ...]:
    """Every promise of docs/reliability.md.

    Without an intake or topics, those of the stack are read. Stock may be set aside for no order only under
    numbers that begin with one of `reserved_by_hand`.
    """
    if intake is None:
        from oms.verify.intake_topic import IntakeTopic  # here because most commands need no Kafka library

        intake = IntakeTopic()
    if topics is None:
        from oms.verify.service_topics import ServiceTopics  # for the same reason

        topics = ServiceTopics()
    return (
        Orders(intake),
        Accepted(),
        Stock(),
        Payments(),
        Charges(),
        Endings(reserved_by_hand),
        Versions(),
        Chain(),
        Streams(),
        Published(topics),
        Deliveries(),
        States(streams_per_service),
    )


def verify(
    client: Client,
    checks: Sequence[Check] | None = None,
    *,
    logs: Logs | None = None,
    patience_s: float = 10.0,
    report: Callable[[str], None] = lambda line: None,
) -> list[Verdict]:
    """Look at a live stack until nothing is found, or until nothing was put right for as long as the patience.

    Who looks again later hands in the same checks and logs, which go on from where they were.
    What is in flight at one look has arrived at the next; what stands at every look is a finding.

    Raises:
        Unreachable: a service, a simulator or the broker does not answer.
    """
    checks = all_checks() if checks is None else checks
    logs = logs or Logs()
    unreadable: dict[str, set[Finding]] = {check.name: set() for check in checks}
    standing = _look(client, logs, checks, checks, unreadable)
    deadline = time.monotonic() + patience_s
    while any(standing.values()) and time.monotonic() < deadline:
        suspects = sum(len(found) for found in standing.values())
        report(f"{counted(suspects, 'suspect')}; looking again")
        time.sleep(PAUSE_S)
        again = _look(client, logs, checks, [check for check in checks if standing[check.name]], unreadable)
        standing = {name: found & again.get(name, found) for name, found in standing.items()}
        if sum(len(found) for found in standing.values()) < suspects:
            deadline = time.monotonic() + patience_s
    return [
        Verdict(
            invariant=check.name,
            checked=check.checked(),
            findings=tuple(sorted(standing[check.name])),
            not_checked=check.left_out(client) if isinstance(check, Partial) else "",
        )
        for check in checks
    ]


def _look(
    client: Client,
    logs: Logs,
    checks: Sequence[Check],
    asked: Sequence[Check],
    unreadable: dict[str, set[Finding]],
) -> dict[str, set[Finding]]:
    for check in asked:
        if isinstance(check, Prepared):
            check.prepare(client)
    for entry in logs.news(client):
        for check in checks:
            try:
                check.see(entry)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                where = f"{entry.service} {entry.stream} version {entry.version}"
                what = f"{entry.type} {entry.id} can't be read: {type(error).__name__} {error}"
                unreadable[check.name].add(Finding(check.name, where, what))
    return {check.name: unreadable[check.name] | set(check.findings(client)) for check in asked}
