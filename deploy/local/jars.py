"""Kafka's jars: named in kafka.lock by coordinate and SHA-256, fetched once, checked at each use."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.maven import MavenContext, PythonResolver

from deploy.local.cancellation import NEVER, Cancellation
from deploy.local.errors import InfrastructureUnavailable
from deploy.local.files import cache_directory, exclusive, write_whole

KAFKA_VERSION = "4.3.1"
LOCK = Path(__file__).with_name("kafka.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One jar of the lock file; `coordinate` is group:artifact:version."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """The jars of a lock file, in the order of the class path."""
    lines = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate=coordinate, sha256=sha256) for coordinate, sha256 in lines]


def provide_jars(
    report: Callable[[str], None], lock: Path = LOCK, cancellation: Cancellation = NEVER
) -> list[Path]:
    """Every jar of the lock file as a file in the cache, each one checked.

    Raises StackError when it is broken off, InfrastructureUnavailable when a jar can't be fetched or is not the
    one that the lock file names.
    """
    jars = read_lock(lock)
    folder = cache_directory() / f"kafka-{KAFKA_VERSION}"
    with exclusive(folder.parent / f"{folder.name}.lock", cancellation):
        missing = [jar for jar in jars if not (folder / jar.filename).exists()]
        if missing:
            report(f"fetching Kafka {KAFKA_VERSION} ({len(missing)} jars)")
            _fetch(missing, folder, cancellation)
        for jar in jars:
            _check(jar, folder / jar.filename)
    return [folder / jar.filename for jar in jars]


def _fetch(jars: Iterable[Jar], folder: Path, cancellation: Cancellation) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        maven = _maven(Path(scratch), cancellation)

        def fetch_one(jar: Jar) -> None:
            cancellation.check()
            fetched = _download(maven, jar.coordinate)
            _check(jar, fetched)
            fetched.replace(folder / jar.filename)

        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(fetch_one, jars))


def _maven(repository: Path, cancellation: Cancellation = NEVER) -> MavenContext:
    """The repositories are jgo's: Maven Central, after whatever mirror the user's jgo configuration names."""

    @contextmanager
    def downloading(name: str, size: int) -> Iterator[Callable[[int], None]]:
        yield lambda count: cancellation.check()

    mirrors = GlobalSettings.load().repositories
    defaults = MavenContext(repo_cache=repository).remote_repos
    return MavenContext(
        resolver=PythonResolver(progress_callback=downloading),
        repo_cache=repository,
        remote_repos={**mirrors, **defaults},
        timeout=60,
    )


def _download(maven: MavenContext, coordinate: str) -> Path:
    group, artifact, version = coordinate.split(":")
    try:
        return Path(maven.project(group, artifact).at_version(version).artifact().resolve())
    except (OSError, RuntimeError) as error:
        raise InfrastructureUnavailable(f"{coordinate} can't be fetched: {type(error).__name__}") from error


def _check(jar: Jar, path: Path) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        path.unlink()
        raise InfrastructureUnavailable(
            f"{jar.coordinate} is not the jar that the lock file names "
            f"(SHA-256 {found}, expected {jar.sha256}); it was removed"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _resolve(maven: MavenContext, coordinate: str) -> list[str]:
    named, reached = maven.resolver.resolve([maven.create_dependency(coordinate)])
    return [
        f"{d.groupId}:{d.artifactId}:{d.version}"
        for d in [*named, *reached]
        if d.scope in (None, "compile", "runtime")
    ]


def renew_lock(lock: Path = LOCK) -> None:
    """Resolve Kafka's dependencies anew and write the lock file."""
    scratch = Path(tempfile.mkdtemp(prefix="orderstream-jars-"))
    try:
        maven = _maven(scratch)
        coordinates = _resolve(maven, f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}")
        log4j = next(c for c in coordinates if c.startswith("org.apache.logging.log4j:log4j-core:"))
        # Kafka logs through slf4j 1.7 and ships no binding: without this one no broker log is written.
        coordinates.append(log4j.replace("log4j-core", "log4j-slf4j-impl"))
        lines = [f"{c} {_sha256(_download(maven, c))}" for c in coordinates]
    finally:
        shutil.rmtree(scratch)
    head = "# Every jar that the local broker runs with: coordinate and SHA-256. Written by `make lock`."
    write_whole(lock, "\n".join([head, *lines, ""]), mode=0o644)


if __name__ == "__main__":
    renew_lock()
