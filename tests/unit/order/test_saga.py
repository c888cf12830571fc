"""The table of steps."""

from dataclasses import fields
from typing import get_args

from services.order.diagram import diagram, name_of, transitions
from services.order.domain.compensating import TO_UNDO
from services.order.domain.placement import Idle, Placement, Recalling, Shipping, Undoing
from services.order.domain.policy import Policy
from services.order.domain.saga import LISTENS_TO, STEPS
from shared.events.inventory import StockReserved
from shared.events.order import AuthorisationLost, RecallRefused, StockMissing
from tests.unit.order.samples import F1, NUMBER, PLACEMENT_STREAM, authorising, new, shipping


def test_every_status_of_a_placement_has_a_step() -> None:
    assert set(STEPS) == set(get_args(Placement))


def test_every_status_that_asked_for_something_says_how_it_is_undone() -> None:
    assert set(STEPS) - set(TO_UNDO) == {Idle, Shipping, Recalling, Undoing}


def test_every_wait_of_the_table_is_a_duration_of_the_policy() -> None:
    named = {deadline for step in STEPS.values() for deadline in step.deadlines}
    assert named <= {field.name for field in fields(Policy)}


def test_every_step_that_waits_says_what_its_deadline_does() -> None:
    assert all((step.overdue is not None) == bool(step.deadlines) for step in STEPS.values())


def test_the_model_takes_every_message_that_a_step_waits_for() -> None:
    assert set(LISTENS_TO) <= set(new().model.routes)
    assert StockReserved in LISTENS_TO


def test_a_fact_that_does_not_fit_the_status_of_a_placement_leaves_it_as_it_is() -> None:
    lost, missing = AuthorisationLost(order_number=NUMBER), StockMissing(order_number=NUMBER, shortages=())
    stayed = RecallRefused(order_number=NUMBER, fulfilment_id=F1)
    for scenario, fact in (
        (authorising(), lost),
        (authorising(), missing),
        (shipping(), missing),
        (shipping(), stayed),
    ):
        assert scenario.given(PLACEMENT_STREAM, fact).states == scenario.states


def test_the_diagram_shows_every_status_and_every_change() -> None:
    drawn = diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> idle\n")
    assert all(f"{source} --> {target}" in drawn for source, target in transitions())
    assert all(name_of(status) in drawn for status in STEPS)
    assert "undone by ReleaseStock, VoidPayment" in drawn
