"""The settings of the inventory service, beside those of every service."""

from pathlib import Path

from shared.eventsourcing.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""

    locations: Path | None = None
    """TOML with a table for each location (country, regions); without one the three warehouses of the demo."""
