"""Servers that a test may break: the embedded ones, which alone allow it."""

import os

from deploy.local.errors import InfrastructureUnavailable
from deploy.local.infrastructure import Choice


def breakable() -> str:
    """The choice of who kills, freezes, counts or sets up the servers, for `Stack(infrastructure=…)`.

    Raises InfrastructureUnavailable where TEST_INFRA names others.
    """
    chosen = os.environ.get("TEST_INFRA") or Choice.local
    if chosen not in (Choice.local, Choice.auto):
        raise InfrastructureUnavailable(f"{chosen} was chosen, and only embedded servers can be broken at will")
    return Choice.local
