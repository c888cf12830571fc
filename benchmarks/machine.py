"""What the figures were measured on: figures of two machines, or of two settings, are not comparable."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import asyncpg
import psutil

from deploy.local.description import Description

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


def machine() -> dict[str, str]:
    """Processor, memory, system and Python, and how busy others keep it."""
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": platform.platform(),
        "load average at the start": busy,
        "Python": platform.python_version(),
        "libraries": ", ".join(
            f"{name} {version(name)}" for name in ("aiokafka", "asyncpg", "pydantic", "uvloop")
        ),
    }


async def servers(description: Description) -> dict[str, str]:
    """PostgreSQL with what decides about its durability, and how Kafka is written to."""
    connection = await asyncpg.connect(description.postgres)
    try:
        number = await connection.fetchval("show server_version")
        settings = [f"{name} {await connection.fetchval(f'show {name}')}" for name in DURABILITY]
    finally:
        await connection.close()
    flush = "each record flushed" if os.environ.get("OMS_KAFKA_FLUSH") == "1" else "records in the page cache"
    return {
        "PostgreSQL": f"{number}, {', '.join(settings)}",
        "Kafka": f"one broker, 8 partitions a topic, acks all, idempotent producers, {flush}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
