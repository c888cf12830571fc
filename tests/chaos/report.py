"""The report of a run: for a person as tables, for a program as JSON."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from oms.commands.verify import show
from oms.output import as_document, as_table, say
from tests.chaos.bounds import Bounds
from tests.chaos.judge import ENDED, Judgement
from tests.chaos.load import Published
from tests.chaos.traffic import Load

NAMED = 20
ALL_IS_WELL = "nothing lost, doubled or oversold, never further behind than allowed, and healed in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is known after a run; times are seconds."""

    load: Load
    bounds: Bounds
    published: Published
    troubles: Mapping[str, int]
    ended_unasked: tuple[str, ...]
    false_starts: int
    behind: int
    """Acknowledged orders that had not ended and were on no hold when the troubles ended."""
    load_s: float
    """From the first message to the last acknowledgement."""
    back_s: float
    """From the end of the troubles until every process was ready."""
    heal_s: float | None
    """From the end of the troubles until every order had ended or stood on a hold; None: it never came to that."""
    quiet_s: float | None
    """From the end of the troubles until nothing was on its way in any service, mails included."""
    judgement: Judgement

    @property
    def beyond(self) -> tuple[str, ...]:
        """The bounds that were broken."""
        offered = self.published.offered
        return tuple(self.bounds.broken(offered=offered, behind=self.behind, healed_s=self.quiet_s))

    @property
    def good(self) -> bool:
        return self.judgement.good and not (self.beyond or self.ended_unasked)

    @property
    def _repeated(self) -> int:
        """Orders that were sent over HTTP once more after they had been answered, or at the same time."""
        return sum(len(answers) - 1 for answers in self.published.answers.values())

    @property
    def _cancellations(self) -> Mapping[str, int]:
        return Counter(str(answer.status) for answer in self.published.cancellations.values())

    def print(self, *, as_json: bool) -> None:
        """To standard output."""
        if as_json:
            as_document(self._document())
            return
        judgement = self.judgement
        as_table("chaos", [{"what": what, "figure": figure} for what, figure in self._figures()])
        as_table("troubles", [{"what": what, "times": times} for what, times in sorted(self.troubles.items())])
        show(list(judgement.verdicts))
        for title, found in self._found().items():
            if found:
                as_table(f"{title}: {len(found)}", [{"what": what} for what in found[:NAMED]])
        for sentence in self.beyond:
            say(sentence)
        say(ALL_IS_WELL if self.good else "NOT all is well: see above")

    def _found(self) -> Mapping[str, tuple[str, ...]]:
        judgement = self.judgement
        return {
            "lost": judgement.lost,
            "doubled": judgement.doubled,
            "oversold": judgement.oversold,
            "wrong": judgement.other,
            "ended by themselves": self.ended_unasked,
        }

    def _figures(self) -> Iterator[tuple[str, str]]:
        judgement, published = self.judgement, self.published
        sent = ", ".join(f"{number} {what}" for what, number in sorted(published.messages.items()))
        yield "seed, orders a second, minutes", f"{self.load.seed}, {self.load.rate:g}, {self.load.seconds / 60:g}"
        yield "offered", str(published.offered)
        yield "accepted (acknowledged by the broker, or over HTTP)", str(len(published.accepted))
        yield "of these over HTTP, and repeated there", f"{len(published.answers)}, {self._repeated}"
        yield "messages acknowledged", sent
        ended = {status: number for status, number in judgement.statuses.items() if status in ENDED}
        yield "ended", f"{judgement.ended} ({_counts(ended)})"
        yield "held", str(judgement.held)
        yield "neither ended nor held", str(judgement.waiting)
        yield "rejected (poison)", str(judgement.rejected)
        yield "lost", str(len(judgement.lost))
        yield "doubled", str(len(judgement.doubled))
        yield "oversold", str(len(judgement.oversold))
        yield "otherwise wrong", str(len(judgement.other))
        yield "publishing took", f"{self.load_s:.0f} s"
        allowed = self.bounds.most_orders(published.offered)
        yield "behind when the troubles ended", f"{self.behind} orders (at most {allowed})"
        yield "every process back after", f"{self.back_s:.1f} s"
        yield "time to heal (every order ended or held)", _seconds(self.heal_s)
        within = f"(at most {self.bounds.heal_within_s:.0f} s)"
        yield "nothing on its way any more after", f"{_seconds(self.quiet_s)} {within}"
        yield "cancellations over HTTP, by answer", _counts(self._cancellations)
        yield "mails", f"{judgement.mails}, {judgement.mails_repeated} of them a second time"
        yield "ended by themselves", f"{len(self.ended_unasked)} processes, and {self.false_starts} starts failed"

    def _document(self) -> Mapping[str, Any]:
        judgement, published = self.judgement, self.published
        return {
            "good": self.good,
            "seed": self.load.seed,
            "rate": self.load.rate,
            "seconds": self.load.seconds,
            "offered": published.offered,
            "accepted": len(published.accepted),
            "messages": dict(published.messages),
            "accepted over HTTP": len(published.answers),
            "repeated over HTTP": self._repeated,
            "cancellations": dict(self._cancellations),
            "statuses": dict(judgement.statuses),
            "ended": judgement.ended,
            "held": judgement.held,
            "waiting": judgement.waiting,
            "rejected": judgement.rejected,
            **{name: list(found) for name, found in self._found().items()},
            "false_starts": self.false_starts,
            "load_s": self.load_s,
            "behind": self.behind,
            "most_behind": self.bounds.most_behind,
            "heal_within_s": self.bounds.heal_within_s,
            "beyond bounds": list(self.beyond),
            "back_s": self.back_s,
            "heal_s": self.heal_s,
            "quiet_s": self.quiet_s,
            "mails": judgement.mails,
            "mails_repeated": judgement.mails_repeated,
            "troubles": dict(self.troubles),
            "checks": [asdict(verdict) for verdict in judgement.verdicts],
        }


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "none"
