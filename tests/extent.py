"""How much of a long proof runs: a part of it with every `make test`, the whole of it with `make prove`."""

import os


def extent(part: int, whole: int) -> int:
    """So many worlds, inputs or buyers."""
    return whole if os.environ.get("PROVE") == "whole" else part
