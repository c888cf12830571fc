"""What a running stack tells others about itself: `<state>/stack.json`, readable by its owner alone."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from deploy.local.errors import StackError
from deploy.local.files import write_whole


class Description(BaseModel):
    """Addresses and keys. `postgres` is the administrator's URL, `databases` each service's own.

    `services` and `processes` are by process name, so that a second instance of a service has entries of its
    own; `processes` gives each one's log file. What the stack does not run is empty.
    """

    model_config = ConfigDict(frozen=True)

    kafka: str
    topic_prefix: str
    postgres: str
    operator_key: str
    services: dict[str, str] = {}
    databases: dict[str, str] = {}
    gateway_url: str = ""
    gateway_key: str = ""
    carrier_url: str = ""
    carrier_key: str = ""
    mailbox_url: str = ""
    processes: dict[str, str] = {}


def read_description(state: Path) -> Description:
    """Raises StackError when no stack was ever started in this state directory."""
    try:
        return Description.model_validate_json(_file(state).read_text())
    except FileNotFoundError:
        raise StackError(f"no stack was started in {state}") from None


def write_description(state: Path, description: Description) -> None:
    write_whole(_file(state), description.model_dump_json(indent=1))


def _file(state: Path) -> Path:
    return state / "stack.json"
