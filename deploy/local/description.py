"""What a stack tells others about itself: `<state>/stack.json`, which a running one writes for its owner alone.

For a stack that runs elsewhere it is written by hand.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from deploy.local.errors import StackError
from deploy.local.files import write_whole


class NoStack(StackError):
    """Nothing was ever started in a state directory."""


def _an_address(given: str) -> str:
    if given and not given.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    return given.rstrip("/")


Address = Annotated[str, AfterValidator(_an_address)]


class Description(BaseModel):
    """Addresses and keys. `postgres` is the administrator's URL, `databases` each service's own.

    `services` and `processes` are by process name, so that a second instance of a service has entries of its
    own; `processes` gives each one's log file. What the stack does not run, or nobody wants, is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    services: dict[str, Address]
    operator_key: str
    kafka: str = ""
    topic_prefix: str = "orderstream"
    postgres: str = ""
    databases: dict[str, str] = {}
    gateway_url: Address = ""
    gateway_key: str = ""
    carrier_url: Address = ""
    carrier_key: str = ""
    mailbox_url: Address = ""
    processes: dict[str, str] = {}


def read_description(state: Path) -> Description:
    """The description in a state directory.

    Raises:
        NoStack: there is none.
        StackError: it can't be read, or a field of it is missing or wrong.
    """
    file = _file(state)
    try:
        return Description.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NoStack(f"no stack was started in {state}") from None
    except OSError as error:
        raise StackError(f"{file} can't be read: {error.strerror}") from None
    except ValidationError as error:
        raise StackError(f"{file} is wrong: {_faults(error)}") from None


def write_description(state: Path, description: Description) -> None:
    write_whole(_file(state), description.model_dump_json(indent=1))


def _file(state: Path) -> Path:
    return state / "stack.json"


def _faults(wrong: ValidationError) -> str:
    places = ((".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in wrong.errors())
    return "; ".join(f"{place}: {fault}" if place else fault for place, fault in places)
