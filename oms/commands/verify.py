"""`oms verify`: what must stay true, on a live stack."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from oms.client import Client
from oms.options import DEFAULT_STATE, AsJson, State
from oms.output import as_document, as_table, counted, say
from oms.verify.run import STREAMS_PER_SERVICE, Verdict, all_checks, verify

NAMED = 20
"""Findings shown of each check; `--json` has them all."""


def register(app: typer.Typer) -> None:
    app.command("verify")(verify_stack)


def verify_stack(
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds for which a finding must stand while nothing else arrives.")
    ] = 10.0,
    streams: Annotated[
        int, typer.Option(min=0, help="Streams of each service that are folded anew, evenly chosen.")
    ] = STREAMS_PER_SERVICE,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> int:
    """Check what must stay true of orders, stock, payments, endings, log and topics; 1 when something does not."""
    from oms.kafka import kafka_access  # here because most commands need no Kafka library

    with Client.of(state) as client:
        kafka_access(client.stack)  # what is missing is said before the logs are read, which may take long
        verdicts = verify(client, all_checks(streams), patience_s=patience, report=say)
    return conclude(verdicts, as_json=as_json)


def conclude(verdicts: list[Verdict], *, as_json: bool) -> int:
    """Print what came of the checks; returns the exit code."""
    holds = not any(verdict.findings for verdict in verdicts)
    if as_json:
        as_document({"holds": holds, "checks": [asdict(verdict) for verdict in verdicts]})
    else:
        show(verdicts)
    return 0 if holds else 1


def show(verdicts: Sequence[Verdict]) -> None:
    """The checks as a table, then what was found."""
    as_table(
        "verify",
        [
            {
                "invariant": verdict.invariant,
                "checked": verdict.checked,
                "result": _result(verdict),
            }
            for verdict in verdicts
        ],
    )
    for verdict in verdicts:
        if verdict.findings:
            rows = [{"where": one.where, "what": one.what} for one in verdict.findings[:NAMED]]
            as_table(f"{verdict.invariant}: {counted(len(verdict.findings), 'finding')}", rows)


def _result(verdict: Verdict) -> str:
    found = counted(len(verdict.findings), "finding") if verdict.findings else "holds"
    return f"{found}; not checked: {verdict.not_checked}" if verdict.not_checked else found
