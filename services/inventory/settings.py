"""The settings of the inventory service: those of every service are enough."""

from shared.eventsourcing.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment variables with the prefix `OMS_`."""
