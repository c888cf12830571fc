"""Data that a person keeps in a TOML file beside a service, read whole or refused in one sentence."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

Data = TypeVar("Data")


class BadFile(ValueError):
    """The file can't be used; one sentence says which and where."""


def read_file(file: Path, shape: TypeAdapter[Data]) -> Data:
    """What the file says, in that shape.

    Raises:
        BadFile: it is missing or malformed.
    """
    try:
        return shape.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadFile(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadFile(f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFile(f"{file.name}: {error}") from None
