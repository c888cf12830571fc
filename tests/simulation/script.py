"""What is done in a world: the workload and the faults, then healing, then waiting for the end of every order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from deploy.local.topics import SERVICES
from shared.events.registry import LISTENERS
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.decider import Context, Decision, Model, Route, States
from shared.eventsourcing.store import StoreUnavailable
from tests.simulation.acts import SHOP, holds_of, order_commands, order_state, posted, stock_command
from tests.simulation.faults import Fault
from tests.simulation.instance import Instance, unacknowledged
from tests.simulation.operators import ask, see_to_holds, see_to_parked
from tests.simulation.processes import Process
from tests.simulation.site import Site
from tests.simulation.workload import LASTS_S, OrderAct, StockAct, Workload
from tests.simulation.world import SESSION_S, World

A = TypeVar("A")

REST_WITHIN_S = 3600.0
"""So long after all faults have ended the world may be busy before something is taken for stuck."""
ROUNDS = 8
"""How often operators see to what stands on a hold."""
JUMPS = 60
"""How many deadlines are waited for in one round."""
BOUND_S = 90 * 24 * 3600.0
"""Virtual time within which every order has ended."""
PATIENCE_S = 7.0
"""So long a blow waits for its moment; then it falls where the process happens to be."""
STANDS_STILL_S = 10.0
"""After so long without a word from its client the database ends a transaction."""
LONG_WEEKEND_S = 3 * 24 * 3600.0
GARBAGE = (b"\xff\xfe\x00garbage", b"{", b'{"order_number": 7}', b"")


async def play(world: World, workload: Workload, faults: tuple[Fault, ...]) -> None:
    """Run a world to its end."""
    world.alter = partial(_fragile, {fault.service for fault in faults if fault.kind == "poison decision"})
    frozen = {fault.service for fault in faults if fault.kind == "freeze"}
    for service in SERVICES:
        for slot in range(2 if service in frozen else world.random.choice((1, 2))):
            world.launch(service, slot)
    await asyncio.sleep(0.2)
    doing = [world.spawn(_act(world, number, act)) for number, act in enumerate(workload.acts())]
    doing += [world.spawn(_go_wrong(world, fault)) for fault in faults]
    if world.random.random() < 0.5:
        doing.append(world.spawn(_see_to_parked_now_and_then(world)))
    await asyncio.sleep(LASTS_S + 1.0)
    await _heal(world)
    if doing:
        await asyncio.wait(doing, timeout=REST_WITHIN_S)
    for _ in range(ROUNDS):
        await _until_rest(world)
        if await _until_no_deadline_helps(world):
            break
        if world.random.random() < 0.3:
            world.note("operators", "let the holds stand for some days")
            await world.leap(LONG_WEEKEND_S)
            await _until_rest(world)
        await see_to_holds(world)
    else:
        for number in sorted(world.books.placed - world.books.ended.keys()):
            holds = ", ".join(holds_of(world, number).values()) or "nothing"
            told = f"stands on {holds} after operators saw to it {world.seen_to.get(number, 0)} times"
            world.books.find("every order ends", number, told)


async def _act(world: World, number: int, act: OrderAct | StockAct) -> None:
    await asyncio.sleep(act.at)
    if isinstance(act, OrderAct) and act.upon:
        await world.heard(act.number, act.upon, max(0.0, LASTS_S - act.at))
        await asyncio.sleep(act.late_s)
    world.note("someone", str(act))
    identity = uuid5(NAMESPACE_URL, f"act/{number}/{act}")
    match act:
        case StockAct():
            message = stock_command(act)
            await ask(world, "inventory", message, act.sku, identity)
        case OrderAct(statement=None):
            for service, command in order_commands(world, act):
                await ask(world, service, command, act.number, identity)
        case OrderAct(deed="post"):
            order, identity, digest = posted(act)
            await ask(world, "order", order, act.number, identity, actor=SHOP, reason="", digest=digest)
        case OrderAct(statement=statement) if statement is not None:
            world.published[identity] = act.number
            key = f"{statement.channel}/{statement.channel_order_id}"
            world.publish(identity, statement, key, f"/channel/{statement.channel}", times=act.times)


async def _see_to_parked_now_and_then(world: World) -> None:
    """In the middle of it all; otherwise operators come when it is over."""
    while world.now < LASTS_S:
        await asyncio.sleep(world.random.uniform(1.0, 6.0))
        await see_to_parked(world)


async def _go_wrong(world: World, fault: Fault) -> None:
    await asyncio.sleep(fault.at)
    world.note("FAULT", str(fault))
    site, wire, topics = world.sites[fault.service], world.wires.get(fault.service), LISTENERS[fault.service]
    struck = partial(world.struck.add, fault)
    match fault.kind:
        case "crash" | "freeze" | "roll" | "store fails" | "store down" | "producer fails" | "clock jumps":
            if instance := await _found(world, fault, site.living):
                await _befall(world, site, instance, fault)
        case "view upgraded":
            site.upgraded += 1
            for one in site.responsive():
                struck()
                await _roll(world, site, one)
        case "rebalance":
            world.cluster.rebalance(fault.service)
            struck()
        case "redeliver":
            if place := await _found(world, fault, partial(world.cluster.read_by, fault.service)):
                world.cluster.deliver_again(fault.service, place, fault.times)
                struck()
        case "repeat":
            if place := await _found(world, fault, partial(world.cluster.written, topics)):
                world.cluster.repeat(place, fault.times)
                struck()
        case "hold back":
            world.cluster.hold_back(topics, fault.seconds, struck)
        case "outside troubled":
            assert wire is not None
            wire.fates[fault.operation] += [(fault.fate, struck)] * fault.times
        case "outside down":
            assert wire is not None
            wire.falls.append((fault.seconds, struck))
        case "poison bytes":
            place = topics[fault.times % len(topics)], fault.partition
            _poison(world, place, GARBAGE[fault.times % len(GARBAGE)], headed=fault.slot == 1)
            struck()
        case "poison decision":
            site.poisoned += [struck] * fault.times


async def _found(world: World, fault: Fault, candidates: Callable[[], Sequence[A]]) -> A | None:
    """One of those that a fault can strike, as soon as there is any."""
    while not (found := candidates()):
        if world.now > LASTS_S:
            return None
        await asyncio.sleep(0.2)
    return found[(fault.slot + 2 * fault.partition) % len(found)]


async def _befall(world: World, site: Site, instance: Instance, fault: Fault) -> None:
    process, slot = instance.process, site.slots.index(instance)
    struck = partial(world.struck.add, fault)
    match fault.kind:
        case "crash":
            await _struck(process, fault, process.kill)
            struck()
            world.kill(instance)
            await asyncio.sleep(fault.seconds)
            _relaunch(world, site, slot)
        case "freeze":
            await _struck(process, fault, process.freeze)
            struck()
            process.freeze()
            await _given_up(instance, fault.seconds)
            if process.alive:
                process.thaw()
                instance.poll()
                instance.rejoin_group()
                if instance.views != world.views_of(site):
                    await _roll(world, site, instance)
        case "roll":
            struck()
            await _roll(world, site, instance)
        case "store fails":
            for _ in range(fault.times):
                process.strike_at(fault.moment, partial(_unavailable, struck))
        case "store down":
            before, instance.line.down = instance.line.refused, True
            await asyncio.sleep(fault.seconds)
            instance.line.down = False
            if instance.line.refused > before:
                struck()
        case "producer fails":
            for _ in range(fault.times):
                process.strike_at(fault.moment, partial(unacknowledged, fault.moment, struck))
        case "clock jumps":
            struck()
            world.mistimed.add(instance.name)
            instance.clock.jump(fault.seconds * (1 if fault.times % 2 else -1))
            instance.poll()
        case _:
            raise AssertionError(fault.kind)


async def _given_up(instance: Instance, seconds: float) -> None:
    """While a process is frozen, those that it is connected to give it up, each after its time."""
    passed = 0.0
    for patience, give_up in ((SESSION_S, instance.leave_group), (STANDS_STILL_S, instance.end_transactions)):
        if seconds > patience:
            await asyncio.sleep(patience - passed)
            passed = patience
            give_up()
    await asyncio.sleep(seconds - passed)


async def _roll(world: World, site: Site, instance: Instance) -> None:
    """Stop an instance properly, and start another one in its place."""
    if instance.responsive:
        slot = site.slots.index(instance)
        await asyncio.wait([instance.process.spawn(instance.runtime.stop())])
        world.kill(instance)
        _relaunch(world, site, slot)


async def _struck(process: Process, fault: Fault, blow: Callable[[], None]) -> None:
    """Let the blow fall when the process next reaches a moment, or some steps of the loop later."""
    struck: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def strike() -> None:
        if struck.done():
            return
        struck.set_result(None)
        if not fault.steps:
            blow()

    process.strike_at(fault.moment, strike)
    await asyncio.wait([struck], timeout=PATIENCE_S)
    struck.cancel()
    for _ in range(fault.steps):
        await asyncio.sleep(0)


def _relaunch(world: World, site: Site, slot: int) -> None:
    if site.slots[slot] is None:
        world.launch(site.service, slot)


def _unavailable(struck: Callable[[], None]) -> None:
    struck()
    raise StoreUnavailable("the line broke")


def _poison(world: World, place: tuple[str, int], value: bytes, *, headed: bool) -> None:
    identity = uuid5(NAMESPACE_URL, f"poison/{place}/{value!r}/{world.now}")
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(identity).encode()),
        ("ce_source", b"/stranger"),
        ("ce_type", b"order.placed.v1"),
    ]
    world.cluster.append(
        Outgoing(topic=place[0], lane=place[1], key=b"poison", value=value, headers=headers if headed else [])
    )


def _fragile(services: set[str], model: Model, site: Site) -> Model:
    """A model whose next decisions fail as often as the site is poisoned."""
    if site.service not in services:
        return model

    def failing(decide: Callable[[States, Any, Context], Decision]) -> Callable[[States, Any, Context], Decision]:
        def decided(states: States, message: Any, context: Context) -> Decision:
            if site.poisoned:
                site.poisoned.pop()()
                raise Unforeseen(decide(states, message, context))
            return decide(states, message, context)

        return decided

    routes = {message: Route(route.streams, failing(route.decide)) for message, route in model.routes.items()}
    return replace(model, routes=routes)


async def _heal(world: World) -> None:
    """Everything that was broken is mended, and operators try again what is parked; who is frozen still wakes."""
    world.note("operators", "heal")
    world.cluster.let_all_go()
    for wire in world.wires.values():
        wire.rise()
    for site in world.sites.values():
        site.poisoned.clear()
        for slot, instance in enumerate(site.slots):
            if instance is None:
                world.launch(site.service, slot)
            else:
                instance.process.calm()
                instance.line.down = False
    await asyncio.sleep(1.0)
    for site in world.sites.values():
        for one in site.responsive():
            if one.views != world.views_of(site):
                await _roll(world, site, one)


async def _until_rest(world: World) -> None:
    """Wait until nothing is under way.

    Whoever is stuck is found: after so much virtual time the world has to be at rest.
    """
    began, pause = world.now, 0.05
    while True:
        await asyncio.sleep(pause)
        await see_to_parked(world)
        unrest = next(world.unrest(), "")
        coming = min(world.deliveries.values(), default=None)
        if not unrest and coming is None:
            return
        if unrest and world.now - began > REST_WITHIN_S:
            world.books.find("comes to rest", "the world", "; ".join(islice(world.unrest(), 5)))
            raise Stuck
        if coming is not None and not unrest:
            await world.leap(coming - world.now)
            began, pause = world.now, 0.05
        pause = min(pause * 1.5, 5.0)


class Unforeseen(Exception):
    """A bug of a decider, after it had decided all the same."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("a bug that nobody foresaw")
        self.decision = decision


class Stuck(Exception):
    """The world does not come to rest."""


async def _until_no_deadline_helps(world: World) -> bool:
    """Let deadlines pass while orders wait for nothing else; True when every order has ended."""
    for _ in range(JUMPS):
        waiting = [number for number in sorted(world.books.placed) if number not in world.books.ended]
        if not waiting:
            return True
        deadlines = [
            due for number in waiting if not holds_of(world, number) and (due := _deadline(world, number))
        ]
        for number in waiting:
            if not holds_of(world, number) and _deadline(world, number) is None:
                state = order_state(world, number)["status"]
                world.books.find("every order ends", number, f"is {state} and waits on no hold and no deadline")
        if world.books.findings or not deadlines:
            return False
        if world.now > BOUND_S:
            world.books.find("every order ends", waiting[0], "has not ended in so much time")
            return False
        await world.leap(min(deadlines) - world.now + 0.01)
        await _until_rest(world)
    world.books.find("every order ends", "the world", f"{len(waiting)} orders went from deadline to deadline")
    return False


def _deadline(world: World, number: str) -> float | None:
    """When the next reminder about an order is due, in seconds of the world."""
    began = world.clock.now().timestamp() - world.now
    dues = [
        one.due_at.timestamp() - began
        for site in world.sites.values()
        for one in site.tables.reminders.values()
        if one.correlation_id == number
    ]
    return min(dues, default=None)
