"""What keeps the databases from being made is told in one line."""

import sys

import pytest

from deploy.local import databases


@pytest.mark.parametrize(
    "url", ["foo", "postgresql://admin@127.0.0.1:nine/postgres", "postgresql://admin@127.0.0.1:9/postgres"]
)
def test_an_address_where_no_postgresql_is_ends_the_job_in_one_line(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["databases", "--admin-url", url, "orderstream_order=secret"])

    with pytest.raises(SystemExit) as ended:
        databases.main()

    assert str(ended.value.code).startswith("PostgreSQL refuses the administrator: ")
    assert "\n" not in str(ended.value.code)
