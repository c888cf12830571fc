"""The relay: publishes the log to the broker, lane by lane, without looking into a payload."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from shared.events.cloudevents import Metadata, dataschema_of, headers_of
from shared.eventsourcing.broker import Broker, BrokerUnavailable, Outgoing
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.failpoints import reach
from shared.eventsourcing.reading_lanes import LaneReader
from shared.eventsourcing.store import LaneSlice, LogEntry, StoreConflict, StoreUnavailable

log = structlog.get_logger()


class Relay:
    """Moves a lane's cursor to the last entry that the broker acknowledged without a gap."""

    def __init__(
        self, reader: LaneReader, broker: Broker, clock: Clock, *, source: str, published: Callable[[int], None]
    ) -> None:
        self._reader = reader
        self._broker = broker
        self._clock = clock
        self._source = source
        self._published = published
        self._stopping = False

    async def run(self) -> None:
        """Publish until `stop`."""
        while not self._stopping:
            try:
                await self._reader.hold()
                slices = await self._reader.read()
                if slices:
                    await self._publish(slices)
                else:
                    await self._reader.pause()
            except BrokerUnavailable as error:
                log.warning("relay will try again", error=str(error))
                await self._clock.sleep(0.5)
            except (StoreUnavailable, StoreConflict) as error:
                log.warning("relay will try again", error=str(error))
                self._reader.forget()
                await self._clock.sleep(0.5)
        with suppress(StoreUnavailable, StoreConflict):
            await self._reader.tell()

    def stop(self) -> None:
        """Finish what is being published, then return from `run`."""
        self._stopping = True
        self._reader.wake()

    async def _publish(self, slices: Sequence[LaneSlice]) -> None:
        entries = [entry for one in slices for entry in one.entries]
        reach("before_publish")
        acknowledged = await self._broker.publish([_outgoing(entry, self._source) for entry in entries])
        reach("after_publish")
        self._reader.note(_contiguous(entries, acknowledged))
        self._published(sum(acknowledged))
        if not all(acknowledged):
            await self._clock.sleep(0.2)


def _contiguous(entries: Sequence[LogEntry], acknowledged: Sequence[bool]) -> Mapping[int, int]:
    reached: dict[int, int] = {}
    stuck: set[int] = set()
    for entry, arrived in zip(entries, acknowledged, strict=True):
        if not arrived:
            stuck.add(entry.lane)
        elif entry.lane not in stuck:
            reached[entry.lane] = entry.position
    return reached


def _outgoing(entry: LogEntry, source: str) -> Outgoing:
    return Outgoing(
        topic=entry.topic,
        lane=entry.lane,
        key=entry.partition_key.encode(),
        value=entry.payload.encode(),
        headers=headers_of(
            Metadata(
                id=str(entry.id),
                source=source,
                type=entry.type,
                time=entry.occurred_at,
                subject=entry.stream,
                dataschema=dataschema_of(entry.type),
                sequence=f"{entry.lane}:{entry.position}",
                correlation_id=entry.correlation_id,
                causation_id=str(entry.causation_id),
                partition_key=entry.partition_key,
                traceparent=entry.traceparent,
                actor=entry.actor,
                reason=entry.reason,
            )
        ),
    )
