"""Prometheus metrics of a service's runtime."""

from collections.abc import Sequence
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.eventsourcing.store import Backlog, ReaderPosition


class Metrics:
    """Implements `PipelineObserver` and counts the relay; each service process has one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = Counter(
            "oms_messages_total", "Messages by what became of them", ["outcome"], registry=self.registry
        )
        self._batch_size = Histogram(
            "oms_batch_messages",
            "Messages decided in one transaction",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
            registry=self.registry,
        )
        self._batch_seconds = Histogram(
            "oms_batch_seconds",
            "Seconds from begin to commit",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )
        self._retries = Counter(
            "oms_batch_retries_total", "Batches decided again", ["cause"], registry=self.registry
        )
        self._published = Counter(
            "oms_published_total", "Log entries acknowledged by the broker", registry=self.registry
        )
        self._effect_failures = Counter(
            "oms_effect_failures_total",
            "Effects that failed unexpectedly and are tried again, by the intent's type",
            ["intent"],
            registry=self.registry,
        )
        self._lag = Gauge(
            "oms_reader_lag", "Log entries a reader has yet to see", ["reader"], registry=self.registry
        )

        self._parked = Gauge(
            "oms_parked_messages", "Messages that wait for a person; NaN: not known", registry=self.registry
        )
        self._overdue = Gauge(
            "oms_overdue_reminders",
            "Reminders that should have come by now; NaN: not known",
            registry=self.registry,
        )
        self.nothing_known()

    def batch_committed(self, messages: int, duplicates: int, parked: int, seconds: float) -> None:
        self._messages.labels("decided").inc(messages)
        self._messages.labels("duplicate").inc(duplicates)
        self._messages.labels("parked").inc(parked)
        self._batch_size.observe(messages)
        self._batch_seconds.observe(seconds)

    def batch_retried(self, cause: str) -> None:
        self._retries.labels(cause).inc()

    def published(self, entries: int) -> None:
        """The broker acknowledged so many entries."""
        self._published.inc(entries)

    def effect_failed(self, intent: str) -> None:
        """An effect raised, or its intent can't be read."""
        self._effect_failures.labels(intent).inc()

    def waiting(self, positions: Sequence[ReaderPosition], backlog: Backlog) -> None:
        """How far the readers are behind, and what else waits in the store, as it stands now."""
        by_reader: dict[str, int] = {}
        for one in positions:
            by_reader[one.reader] = by_reader.get(one.reader, 0) + one.head - one.position
        self._lag.clear()  # a view's older version has no reader any more
        for reader, behind in by_reader.items():
            self._lag.labels(reader).set(behind)
        self._parked.set(backlog.parked)
        self._overdue.set(backlog.overdue_reminders)

    def nothing_known(self) -> None:
        """The store doesn't say what waits in it."""
        self._lag.clear()
        self._parked.set(nan)
        self._overdue.set(nan)
