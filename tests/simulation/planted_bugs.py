"""Which bugs are planted, and by what each has to be found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation import bugs, bugs_at_the_edges, bugs_in_trouble, bugs_of_trade
from tests.simulation.running import Bug


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedBug:
    """A bug, and what somebody would have had to get wrong."""

    name: str
    wrong: str
    breaks: frozenset[str]
    """The promises that it breaks; found by no other, it counts as not found."""
    plant: Bug


def _named(plant: Callable[[], Any], wrong: str, *breaks: str) -> PlantedBug:
    name = plant.__name__.replace("_", " ")
    return PlantedBug(name=name, wrong=wrong, breaks=frozenset(breaks), plant=plant)


BUGS: tuple[PlantedBug, ...] = (
    _named(bugs.no_inbox, "Messages are not claimed: one that comes twice is decided twice.", "decided once"),
    _named(bugs.offset_before_store, "Offsets are committed before the batch is in the store.", "never lost"),
    _named(
        bugs.commit_in_pieces,
        "Claims are committed apart from what was decided.",
        "claimed as decided",
    ),
    _named(
        bugs.reader_by_sequence,
        "Readers follow the ids (a sequence) and not the positions of a lane.",
        "comes to rest",
        "stored = published",
    ),
    _named(bugs.lanes_unlocked, "The lane's head is read without a lock.", "lanes have no gaps"),
    _named(
        bugs.gap_skipped,
        "The relay's cursor passes over what the broker did not acknowledge.",
        "stored = published",
    ),
    _named(
        bugs.lease_not_fenced,
        "A lease is not fenced: whoever once held a lane may move its cursor.",
        "cursors go forward",
    ),
    _named(bugs.view_fed_twice, "A view's rows and its cursor move in two steps.", "views = fold"),
    _named(
        bugs.parked_key_overtaken, "A parked key is overtaken by later messages.", "parked keys are not overtaken"
    ),
    _named(
        bugs.failed_outputs_kept,
        "What a failed decision wanted to send is sent.",
        "decided once",
        "streams have no gaps",
    ),
    _named(
        bugs.cache_poisoned,
        "States are cached before the commit, and believed when it is rolled back.",
        "stock",
        "state = fold",
        "streams have no gaps",
    ),
    _named(
        bugs.reminder_lost,
        "Of several reminders of a batch only the first is kept.",
        "told once",
        "every order ends",
        "comes to rest",
    ),
    _named(bugs.effect_inside_decision, "The gateway is called inside the decision.", "effects follow commits"),
    _named(
        bugs.new_key_each_time,
        "What the gateway or the carrier is asked for again has a new idempotency key.",
        "effects follow commits",
        "the outside agrees",
    ),
    _named(
        bugs.outcome_guessed,
        "An unknown outcome is taken for a refusal.",
        "nothing left behind",
        "the ledger agrees",
    ),
    _named(bugs.webhook_trusted_twice, "A notice that comes twice is taken twice.", "decided once"),
    _named(bugs.compensation_skipped, "The placement's compensation forgets the payment.", "nothing left behind"),
    _named(
        bugs.late_money_kept,
        "An authorisation that comes after its order was cancelled is kept.",
        "nothing left behind",
    ),
    _named(bugs.kept_reservation_expires, "A reservation expires although it was kept.", "deadlines are kept"),
    _named(
        bugs.closed_order_revived,
        "A late reply approves an order that is closed: cancelled, or locked to be.",
        "the end is the end",
    ),
    _named(bugs.deadline_unchecked, "A deadline does not look whether its step is over.", "deadlines are kept"),
    _named(
        bugs_in_trouble.refund_without_key,
        "A refund that is asked again has a new idempotency key.",
        "effects follow commits",
        "the ledger agrees",
    ),
    _named(
        bugs_in_trouble.handover_guessed,
        "An unknown hand-over is taken for one that was done.",
        "every order ends",
    ),
    _named(
        bugs_in_trouble.void_guessed,
        "An unknown outcome of a void is taken for done, of an authorisation or a label.",
        "nothing left behind",
        "the ledger agrees",
    ),
    _named(
        bugs_in_trouble.renewal_guessed,
        "A renewal of an authorisation is believed though nobody answered.",
        "the ledger agrees",
    ),
    _named(
        bugs_in_trouble.hole_passed_over,
        "The relay's cursor follows the last acknowledgement of a lane, over what is missing before it.",
        "stored = published",
        "published = consumed",
        "every order ends",
    ),
    _named(
        bugs_in_trouble.view_not_fenced,
        "A view is written by whoever once held its lanes.",
        "cursors go forward",
        "views = fold",
    ),
    _named(
        bugs_in_trouble.lease_believed_for_ever,
        "Nobody looks whether a lease has run out before something is begun.",
        "zombies begin nothing",
    ),
    _named(bugs.oversell, "What is reserved is promised again.", "no oversell"),
    _named(bugs_of_trade.half_collected, "Half of a parcel's value is collected.", "what leaves is paid"),
    _named(bugs_of_trade.hold_ignored, "No hold stops anything.", "work stops on a hold"),
    _named(
        bugs_of_trade.completed_early,
        "An order is completed with the first of its parcels.",
        "what was ordered leaves",
    ),
    _named(
        bugs_of_trade.change_ignored,
        "A channel's change of an order is taken for an older statement.",
        "the newest statement stands",
    ),
    _named(bugs_of_trade.cancellation_untold, "Nobody is told that an order was cancelled.", "told once"),
    _named(bugs_at_the_edges.answered_early, "Callers are answered before the commit.", "answers follow commits"),
    _named(
        bugs_at_the_edges.wish_ignored,
        "What operators decide is answered as accepted, and not carried out.",
        "answers stand",
        "every order ends",
    ),
    _named(
        bugs_at_the_edges.newest_parked_first,
        "Parked messages are tried again from the newest on.",
        "parked messages go on in order",
    ),
    _named(bugs_at_the_edges.unreadable_dropped, "Bytes that hold no message are dropped.", "poison is parked"),
    _named(
        bugs_at_the_edges.refusal_kept_back,
        "A channel does not get back what is refused.",
        "refused is given back",
    ),
    _named(bugs_at_the_edges.cause_left_out, "What is published does not name its cause.", "stored = published"),
)
