"""How the embedded PostgreSQL is set: as durable as by default, with room for the indexes of many orders."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SHARE_OF_MEMORY = 4
"""Pages are kept in one part of so many of the memory, as the manual advises; it is taken as it is needed."""
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
BUFFERS_MB = (256, 8192)
"""At least and at most."""
SHARE_OF_DISK = 4
"""The WAL may grow to one part of so many of what is free on the disk, where orders come without a pause."""
WAL_MB = (1024, 16384)
"""At least and at most."""

# fsync, full_page_writes and synchronous_commit keep their durable defaults: a commit is on disk.
FIXED = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


def settings(data: Path) -> Mapping[str, str]:
    """All settings but the address, for data in this folder.

    The numbers of orders are random, so that each order writes to pages all over every index, and the first write
    to a page after a checkpoint goes into the WAL with the whole page. Of a million orders these are 2.6 GB: what
    fits into the WAL between two checkpoints had better be many times that.
    """
    return FIXED | {
        "shared_buffers": _within(BUFFERS_MB, _memory() // SHARE_OF_MEMORY),
        "max_wal_size": _within(WAL_MB, shutil.disk_usage(data).free // SHARE_OF_DISK),
    }


def _memory() -> int:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such file where nothing limits us, or the word "max" in it
        return min(memory, int(CONTAINER_LIMIT.read_text()))
    return memory


def _within(bounds_mb: tuple[int, int], size: int) -> str:
    least, most = bounds_mb
    return f"{min(max(size // 2**20, least), most)}MB"
