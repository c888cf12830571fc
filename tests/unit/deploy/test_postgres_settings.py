"""What the embedded PostgreSQL takes of the machine, or of the container it runs in: a share, within bounds."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import postgres_settings
from deploy.local.postgres_settings import settings

GB = 2**30


def _on(
    machine: pytest.MonkeyPatch, tmp_path: Path, *, memory: int, free: int, limit: str = ""
) -> Mapping[str, str]:
    page = os.sysconf("SC_PAGE_SIZE")
    machine.setattr(os, "sysconf", {"SC_PHYS_PAGES": memory // page, "SC_PAGE_SIZE": page}.__getitem__)
    machine.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    container = tmp_path / "memory.max"
    if limit:
        container.write_text(limit)
    machine.setattr(postgres_settings, "CONTAINER_LIMIT", container)
    return settings(tmp_path)


def test_a_machine_gives_a_quarter_of_its_memory_and_of_its_free_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = _on(monkeypatch, tmp_path, memory=16 * GB, free=40 * GB)

    assert (chosen["shared_buffers"], chosen["max_wal_size"]) == ("4096MB", "10240MB")


def test_a_large_machine_gives_no_more_than_can_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen = _on(monkeypatch, tmp_path, memory=512 * GB, free=4000 * GB)

    assert (chosen["shared_buffers"], chosen["max_wal_size"]) == ("8192MB", "16384MB")


def test_a_small_machine_gives_what_postgresql_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen = _on(monkeypatch, tmp_path, memory=GB // 2, free=GB)

    assert (chosen["shared_buffers"], chosen["max_wal_size"]) == ("256MB", "1024MB")


@pytest.mark.parametrize(("limit", "buffers"), [(str(4 * GB), "1024MB"), ("max\n", "4096MB")])
def test_a_container_gives_a_quarter_of_what_it_may_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, buffers: str
) -> None:
    chosen = _on(monkeypatch, tmp_path, memory=16 * GB, free=40 * GB, limit=limit)

    assert chosen["shared_buffers"] == buffers


def test_no_setting_makes_a_commit_less_durable(tmp_path: Path) -> None:
    assert {"fsync", "full_page_writes", "synchronous_commit"}.isdisjoint(settings(tmp_path))
