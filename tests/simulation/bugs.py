"""Planted bugs, each of a kind that people make, which only tests can switch on: the checker finds every one."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from msgspec import structs

from services.inventory.domain import releasing
from services.inventory.domain.model import model as inventory_model
from services.inventory.domain.stock import StockItem
from services.order.domain import compensating, saga
from services.order.domain.case import Case
from services.order.domain.model import model as order_model
from services.order.domain.order import Cancelled, Cancelling, NoOrder
from services.order.domain.placement import Authorised, Authorising, AwaitingPayment, Placement
from services.payment.domain import letting_go as letting_go_rules
from shared.events.inventory import StockReserved
from shared.events.order import CompensationPart, OrderApproved
from shared.events.payload import Payload
from shared.events.payment import AuthorisePayment, PaymentAuthorised, PaymentVoided, VoidRequested
from shared.eventsourcing import batch, pipeline, relay
from shared.eventsourcing.batch import StateCodec
from shared.eventsourcing.decider import NOTHING, Decision, Model, Route
from shared.eventsourcing.decider import decide as right_decide
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.broker import MemoryBroker
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.memory.transaction import MemoryTransaction
from shared.eventsourcing.messages import Record
from shared.eventsourcing.partners import Refused
from shared.eventsourcing.partners import Unknown as Silence
from shared.eventsourcing.store import Append, Claim, LaneHead, LaneSlice, Lease, Loaded, Projection, StreamRow
from tests.simulation import services
from tests.simulation.carrier import CarrierConnection
from tests.simulation.gateway import GatewayConnection
from tests.simulation.instance import WatchedStore, WatchedTransaction
from tests.simulation.script import Unforeseen
from tests.simulation.services import Outside
from tests.simulation.world import World


def _patched(*patches: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


@contextmanager
def no_inbox() -> Iterator[None]:
    async def claim(self: Any, claims: Sequence[Claim]) -> frozenset[UUID]:
        await MemoryTransaction.claim(self, claims)
        return frozenset(one.message_id for one in claims)

    yield from _patched(patch.object(WatchedTransaction, "claim", claim))


@contextmanager
def offset_before_store() -> Iterator[None]:
    right = MemoryBroker._next_batch

    def next_batch(self: Any) -> list[Record]:
        records = right(self)
        for record in records:
            self._commit(record)
        return records

    yield from _patched(patch.object(MemoryBroker, "_next_batch", next_batch))


@contextmanager
def reader_by_sequence() -> Iterator[None]:
    right = WatchedStore.read

    async def read(
        self: Any, positions: Mapping[int, int], limit: int, types: Collection[str] | None = None
    ) -> Sequence[LaneSlice]:
        slices = []
        for one in await right(self, positions, limit, types):
            seen = max(
                (entry.id for entry in self._tables.log[one.lane][: positions[one.lane]]), default=UUID(int=0)
            )
            later = tuple(entry for entry in one.entries if entry.id > seen)
            slices.append(structs.replace(one, entries=tuple(sorted(later, key=lambda entry: entry.id))))
        return slices

    yield from _patched(patch.object(WatchedStore, "read", read))


@contextmanager
def lanes_unlocked() -> Iterator[None]:
    async def unlocked(self: Any, lanes: Sequence[int]) -> Mapping[int, LaneHead]:
        await self._line.travel("lock lanes")
        return {lane: self._tables.lanes[lane] for lane in lanes}

    yield from _patched(patch.object(WatchedTransaction, "_lock_lanes", unlocked))


@contextmanager
def gap_skipped() -> Iterator[None]:
    def contiguous(entries: Sequence[Any], acknowledged: Sequence[bool]) -> Mapping[int, int]:
        return {entry.lane: entry.position for entry in entries}

    yield from _patched(patch.object(relay, "_contiguous", contiguous))


@contextmanager
def compensation_skipped() -> Iterator[None]:
    stock: tuple[CompensationPart, ...] = ("stock",)
    paid: tuple[type[Placement], ...] = (Authorising, AwaitingPayment, Authorised)
    right: Any = compensating.TO_UNDO
    forgetful = {step: stock if step in paid else parts for step, parts in right.items()}
    yield from _patched(patch.object(compensating, "TO_UNDO", forgetful))


@contextmanager
def late_money_kept() -> Iterator[None]:
    right = letting_go_rules.letting_go

    def letting_go(payment: Any, order_number: str, *events: Any) -> tuple[Any, ...]:
        """The void is answered as if nothing had been under way."""
        nothing = PaymentVoided(order_number=order_number, amount=0, currency=payment.currency)
        return tuple(
            nothing if isinstance(one, VoidRequested) and isinstance(events[0], PaymentAuthorised) else one
            for one in right(payment, order_number, *events)
        )

    yield from _patched(patch("services.payment.domain.authorising.letting_go", letting_go))


@contextmanager
def kept_reservation_expires() -> Iterator[None]:
    right = releasing.expire

    def expire(policy: Any, states: Any, message: Any, context: Any) -> Decision:
        return right(policy, _Unkept(states), message, context)

    with patch("services.inventory.domain.model.expire", expire):
        yield from _patched(_model("inventory", inventory_model()))


class _Unkept:
    """States in which no reservation is kept."""

    def __init__(self, states: Any) -> None:
        self._states = states

    def of(self, category: Any, key: str) -> Any:
        state = self._states.of(category, key)
        return replace(state, kept=False) if getattr(state, "kept", False) else state


@contextmanager
def closed_order_revived() -> Iterator[None]:
    right = saga.answer

    def answer(case: Case, message: Payload) -> Decision:
        if isinstance(case.order, Cancelling | Cancelled) and isinstance(
            message, StockReserved | PaymentAuthorised
        ):
            return Decision(case.of_order(OrderApproved(order_number=case.number, automatic=True)))
        return right(case, message)

    with patch.object(saga, "answer", answer):
        yield from _patched(_model("order", order_model(review=services.review)))


@contextmanager
def deadline_unchecked() -> Iterator[None]:
    def deadline_passed(case: Case, message: Any) -> Decision:
        overdue = saga.STEPS[type(case.placement)].overdue
        return NOTHING if overdue is None or isinstance(case.order, NoOrder) else overdue(case)

    with patch.object(saga, "deadline_passed", deadline_passed):
        yield from _patched(_model("order", order_model(review=services.review)))


@contextmanager
def effect_inside_decision() -> Iterator[None]:
    right = services.definition

    def definition(service: str, outside: Outside, process: Any, **options: Any) -> Any:
        made = right(service, outside, process, **options)
        if service != "payment":
            return made
        route = made.model.routes[AuthorisePayment]

        def decide(states: Any, message: AuthorisePayment, context: Any) -> Decision:
            if message.payment.kind == "card" and message.amount:
                outside.gateway.authorise(
                    process.name,
                    f"{message.order_number}-auth-{message.attempt}",
                    message.order_number,
                    message.amount,
                    message.currency,
                    message.payment.token,
                )
            decision: Decision = route.decide(states, message, context)
            return decision

        routes: dict[Any, Route[Any]] = {**made.model.routes, AuthorisePayment: Route(route.streams, decide)}
        return replace(made, model=replace(made.model, routes=routes))

    yield from _patched(patch("tests.simulation.world.definition", definition))


@contextmanager
def new_key_each_time() -> Iterator[None]:
    of_gateway = (
        asking_anew(GatewayConnection, one) for one in ("authorise", "capture", "void", "renew", "refund")
    )
    of_carrier = (asking_anew(CarrierConnection, one) for one in ("buy_label", "void", "hand_over"))
    yield from _patched(*of_gateway, *of_carrier)


def asking_anew(connection: type[GatewayConnection | CarrierConnection], operation: str) -> Any:
    """What is asked for again is asked for under a new key."""
    right = getattr(connection, operation)
    asked: dict[str, int] = {}

    async def ask(self: Any, key: str, **about: Any) -> Any:
        asked[key] = asked.get(key, 0) + 1
        return await right(self, key if asked[key] == 1 else f"{key}-again-{asked[key]}", **about)

    return patch.object(connection, operation, ask)


@contextmanager
def outcome_guessed() -> Iterator[None]:
    right = GatewayConnection.authorise

    async def authorise(self: Any, key: str, **about: Any) -> Any:
        outcome = await right(self, key, **about)
        return Refused("no_answer") if isinstance(outcome, Silence) else outcome

    yield from _patched(patch.object(GatewayConnection, "authorise", authorise))


@contextmanager
def parked_key_overtaken() -> Iterator[None]:
    right = MemoryTransaction.load

    async def load(self: Any, streams: Sequence[str], keys: Sequence[str], lanes: Sequence[int]) -> Loaded:
        return replace(await right(self, streams, keys, lanes), parked_keys=frozenset())

    yield from _patched(patch.object(WatchedTransaction, "load", load))


@contextmanager
def view_fed_twice() -> Iterator[None]:
    async def project(self: Any, reader: str, owner: str, leases: Sequence[Lease], projection: Projection) -> None:
        await self._line.travel("before project")
        await MemoryStore.project(self, reader, owner, [], projection)
        self._process.reach("after project")
        await self._line.travel("before advance")
        await MemoryStore.advance(self, reader, owner, leases)

    yield from _patched(patch.object(WatchedStore, "project", project))


@contextmanager
def lease_not_fenced() -> Iterator[None]:
    def held(self: Any, reader: str, owner: str, leases: Sequence[Lease]) -> frozenset[int]:
        return frozenset(lease.lane for lease in leases)

    yield from _patched(patch.object(MemoryStore, "_held", held))


@contextmanager
def webhook_trusted_twice() -> Iterator[None]:
    right = World.call

    async def call(self: Any, service: str, message: Any, **about: Any) -> Any:
        if about["actor"] in ("gateway", "carrier"):
            about["message_id"] = self.clock.new_id()
        return await right(self, service, message, **about)

    yield from _patched(patch.object(World, "call", call))


@contextmanager
def oversell() -> Iterator[None]:
    def to_promise(self: StockItem) -> dict[str, int]:
        return {place: shelf.on_hand for place, shelf in self.shelves.items() if shelf.on_hand > 0}

    yield from _patched(patch.object(StockItem, "to_promise", to_promise))


@contextmanager
def cache_poisoned() -> Iterator[None]:
    right, right_decode = batch.seal, StateCodec.decode

    def seal(decided: Any, codec: StateCodec, *rest: Any) -> Any:
        codec.remember(decided)
        return right(decided, codec, *rest)

    def decode(self: StateCodec, stream: str, row: StreamRow) -> Any:
        cached = self._cache.get(stream)
        newer = cached is not None and cached[0] > row.version
        return cached[1] if cached and newer else right_decode(self, stream, row)

    yield from _patched(patch.object(pipeline, "seal", seal), patch.object(StateCodec, "decode", decode))


@contextmanager
def failed_outputs_kept() -> Iterator[None]:
    right_park = batch._park
    failed: list[Decision] = []

    def decide(model: Model, states: Any, message: Any, context: Any) -> Any:
        try:
            return right_decide(model, states, message, context)
        except Unforeseen as error:
            failed.append(error.decision)
            raise

    def park(decided: Any, clock: Any, arrival: Any, explanation: str) -> None:
        right_park(decided, clock, arrival, explanation)
        while failed:
            kept = failed.pop()
            lane = lane_of(arrival.partition_key)
            decided.outputs += [batch.Output(lane, arrival, command, "", 0) for command in kept.commands]
            for recorded in kept.events:
                version = decided.versions.get(recorded.stream, 0) + 1
                decided.outputs.append(batch.Output(lane, arrival, recorded.event, recorded.stream, version))

    yield from _patched(patch.object(batch, "decide", decide), patch.object(batch, "_park", park))


@contextmanager
def reminder_lost() -> Iterator[None]:
    right = MemoryTransaction.commit

    def commit(self: Any) -> None:
        if self._append is not None and len(self._append.reminders) > 1:
            self._append = structs.replace(self._append, reminders=self._append.reminders[:1])
        right(self)

    yield from _patched(patch.object(MemoryTransaction, "commit", commit))


@contextmanager
def commit_in_pieces() -> Iterator[None]:
    @asynccontextmanager
    async def transaction(self: Any) -> AsyncIterator[MemoryTransaction]:
        await self._line.travel("begin")
        one = WatchedTransaction(self._tables, self._locks, self._line)
        try:
            yield one
            append, claims = one.written()
            self._tables.inbox.update((claim.message_id, claim) for claim in claims)
            nothing = Append(recorded_at=self._clock.now())
            self._witness.committed(self._process.name, nothing, claims)
            await self._line.travel("before commit")
            one.commit()
            self._witness.committed(self._process.name, append or nothing, [])
        finally:
            self._locks.release_all(one)
        self._process.reach("after commit")

    yield from _patched(patch.object(WatchedStore, "transaction", transaction))


def _model(service: str, model: Model) -> Any:
    return patch.object(services, "MODELS", {**services.MODELS, service: model})
