"""What makes a stack the same one after a restart: its ports, and the secret behind its keys."""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from deploy.local.files import exclusive, write_whole


class Identity(BaseModel):
    """Kept in `<state>/identity.json`, readable by its owner alone."""

    model_config = ConfigDict(frozen=True)

    stack_id: str
    secret: str
    ports: dict[str, int] = {}

    def password(self, purpose: str) -> str:
        """A password or key for one purpose; letters and digits only."""
        return self._derive(purpose).hex()[:40]

    def webhook_secret(self, purpose: str) -> str:
        """A secret in the form of Standard Webhooks."""
        return "whsec_" + base64.b64encode(self._derive(f"webhook {purpose}")).decode()

    @property
    def operator_key(self) -> str:
        return "oms_" + self.password("operator key")

    @property
    def cluster_id(self) -> str:
        """Kafka's cluster id: 16 bytes, base64 for URLs, without padding; it must not begin with a dash."""
        return base64.urlsafe_b64encode(b"O" + self._derive("cluster")[:15]).decode().rstrip("=")

    def _derive(self, purpose: str) -> bytes:
        return hmac.digest(self.secret.encode(), purpose.encode(), hashlib.sha256)


def load_identity(state: Path) -> Identity:
    """The identity of the stack in this state directory, a new one if there is none yet.

    Of several processes that begin at once, all get the one that stays: servers are set up with what it derives.
    """
    path = _file(state)
    if not path.exists():
        with exclusive(state / "identity.lock"):
            if not path.exists():
                save_identity(state, Identity(stack_id=secrets.token_hex(4), secret=secrets.token_hex(32)))
    return Identity.model_validate_json(path.read_text())


def save_identity(state: Path, identity: Identity) -> None:
    write_whole(_file(state), identity.model_dump_json(indent=1))


def _file(state: Path) -> Path:
    return state / "identity.json"
