"""Opening stock for the orders of a fixture: enough for all of them, but for a few products that run short.

A product that runs short has one unit less than is wanted of it. Whoever comes last then meets a shortage, in
whatever sequence the orders are served, and nobody else: an order that gets nothing of it leaves enough for the
rest. An order that takes all or nothing also leaves what it wanted of other products, so two products that run
short may meet in one order; the orders are therefore replayed, and products added until the share is reached.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from channels.completejourney.draws import draw
from channels.completejourney.fixture import Statement
from channels.completejourney.households import CITIES, Region
from shared.events.channel import ChannelOrderReceived
from shared.events.inventory import ReceiveStock

WAREHOUSES: Mapping[Region, str] = {"east": "WH-EAST", "central": "WH-CENTRAL", "west": "WH-WEST"}
"""The warehouse of each third of the country."""

SHORTAGE_SHARE = 0.02
"""Of the orders that are to meet a shortage."""

SINGLE_WAREHOUSE_SHARE = 0.02
"""Of the products that lie in one warehouse only, so that orders from elsewhere are split."""

_REGION_OF_STATE: Mapping[str, Region] = {city.state: city.region for city in CITIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningStock:
    """What lies where before the first order."""

    units: Mapping[tuple[str, str], int]
    """Units by SKU and location."""
    short: tuple[str, ...]
    """The SKUs of which one unit less is there than is wanted."""
    expected_shortages: int
    """How many orders meet a shortage when they are served in the sequence of their publication."""

    def receipts(self) -> Iterator[ReceiveStock]:
        """The requests that bring it in."""
        for (sku, location), quantity in self.units.items():
            yield ReceiveStock(sku=sku, location=location, quantity=quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What an order wants in all."""

    units: Mapping[str, int]
    takes_what_there_is: bool
    region: Region
    certain: bool
    """False when the channel restates the order, so that one of two contents may stand."""


def opening_stock(
    statements: Iterable[Statement], shortage_share: float = SHORTAGE_SHARE, seed: int = 0
) -> OpeningStock:
    """The opening stock for the orders of these statements."""
    wanted = tuple(_wanted(statements).values())
    demand: Counter[str] = Counter()
    for order in wanted:
        demand.update(order.units)
    short, shortages = _choose_short(wanted, demand, round(len(wanted) * shortage_share), seed)
    return OpeningStock(
        units=dict(sorted(_located(wanted, set(short), seed))), short=short, expected_shortages=shortages
    )


def _wanted(statements: Iterable[Statement]) -> dict[tuple[str, str], _Wanted]:
    orders: dict[tuple[str, str], _Wanted] = {}
    for statement in statements:
        order = statement.order
        key = (order.channel, order.channel_order_id)
        units: Counter[str] = Counter()
        for line in order.lines:
            units[line.sku] += line.quantity
        if statement.kind == "restatement":
            units |= Counter(orders[key].units)
        if statement.kind in ("order", "restatement"):
            orders[key] = _Wanted(
                units=units,
                takes_what_there_is=order.allow_partial or order.allow_backorder,
                region=_region_of(order),
                certain=statement.kind == "order",
            )
    return orders


def _region_of(order: ChannelOrderReceived) -> Region:
    return _REGION_OF_STATE[order.shipping_address.region]


def _choose_short(
    wanted: Sequence[_Wanted], demand: Mapping[str, int], target: int, seed: int
) -> tuple[tuple[str, ...], int]:
    """The SKUs that run short, and how many orders meet that; each SKU adds one order at most."""
    uncertain = {sku for order in wanted if not order.certain for sku in order.units}
    candidates = sorted(
        (sku for sku in demand if sku not in uncertain), key=lambda sku: (draw("short", int(sku), seed), sku)
    )
    chosen = 0
    shortages = 0
    while shortages < target and chosen < len(candidates):
        chosen = min(chosen + target - shortages, len(candidates))
        shortages = _shortages(wanted, demand, set(candidates[:chosen]))
    return tuple(candidates[:chosen]), shortages


def _shortages(wanted: Sequence[_Wanted], demand: Mapping[str, int], short: set[str]) -> int:
    """How many orders meet a shortage, served one after the other."""
    left = {sku: demand[sku] - 1 for sku in short}
    met = 0
    for order in wanted:
        scarce = {sku: units for sku, units in order.units.items() if sku in left}
        lacking = any(units > left[sku] for sku, units in scarce.items())
        met += lacking
        if lacking and not order.takes_what_there_is:
            continue
        for sku, units in scarce.items():
            left[sku] = max(0, left[sku] - units)
    return met


def _located(wanted: Sequence[_Wanted], short: set[str], seed: int) -> Iterator[tuple[tuple[str, str], int]]:
    """The units of each SKU where they are wanted, with some to spare where it is not to run short."""
    by_region: dict[str, Counter[Region]] = defaultdict(Counter)
    for order in wanted:
        for sku, units in order.units.items():
            by_region[sku][order.region] += units
    for sku, regions in by_region.items():
        units_at: Mapping[Region, int] = regions
        if draw("single warehouse", int(sku), seed) < SINGLE_WAREHOUSE_SHARE:
            everywhere = tuple(WAREHOUSES)
            units_at = {everywhere[int(draw("which warehouse", int(sku), seed) * 3)]: regions.total()}
        for place, (region, units) in enumerate(units_at.items()):
            if sku not in short:
                yield (sku, WAREHOUSES[region]), units + 1 + units // 5
            elif quantity := units - (place == 0):
                yield (sku, WAREHOUSES[region]), quantity
