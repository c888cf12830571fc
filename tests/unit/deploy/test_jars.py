"""Kafka's jars are the ones of the lock file, or none."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local.cancellation import Cancellation
from deploy.local.errors import InfrastructureUnavailable, StackError
from deploy.local.files import exclusive
from deploy.local.jars import KAFKA_VERSION, LOCK, provide_jars, read_lock

JAR = b"the jar as it was locked"
COORDINATE = "org.example:thing:1.0"
PIECE = 16 * 1024


class Repository:
    """A Maven repository on loopback, named as a mirror in jgo's own configuration."""

    def __init__(self, folder: Path) -> None:
        self.content = JAR
        self.pause_s = 0.0
        self.served: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not self.path.endswith("/org/example/thing/1.0/thing-1.0.jar"):
                    self.send_error(404)
                    return
                repository.served.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(repository.content)))
                self.end_headers()
                with suppress(OSError):
                    for start in range(0, len(repository.content), PIECE):
                        self.wfile.write(repository.content[start : start + PIECE])
                        time.sleep(repository.pause_s)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.configuration = folder / "jgo.conf"
        self.configuration.write_text(f"[repositories]\nmirror = http://127.0.0.1:{self.server.server_port}\n")
        self.lock = folder / "test.lock"
        self.lock.write_text(f"# comment\n{COORDINATE} {hashlib.sha256(JAR).hexdigest()}\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository(tmp_path)
    monkeypatch.setenv("OMS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(repository.configuration))
    yield repository
    repository.server.shutdown()
    repository.server.server_close()


def nothing(line: str) -> None:
    pass


def test_a_jar_is_fetched_once_and_found_again(repository: Repository) -> None:
    [first] = provide_jars(nothing, repository.lock)
    [second] = provide_jars(nothing, repository.lock)

    assert first == second
    assert first.read_bytes() == JAR
    assert len(repository.served) == 1


def test_a_fetched_jar_of_another_hash_is_refused_and_not_kept(repository: Repository) -> None:
    repository.content = b"something else"

    with pytest.raises(InfrastructureUnavailable, match="is not the jar that the lock file names"):
        provide_jars(nothing, repository.lock)

    assert not list(repository.lock.parent.glob("cache/kafka-*/*.jar"))


def test_a_cached_jar_that_was_changed_is_refused_and_fetched_anew_later(
    repository: Repository,
) -> None:
    [jar] = provide_jars(nothing, repository.lock)
    jar.write_bytes(b"changed on disk")

    with pytest.raises(InfrastructureUnavailable, match="not the jar that the lock file names"):
        provide_jars(nothing, repository.lock)

    [again] = provide_jars(nothing, repository.lock)
    assert again.read_bytes() == JAR


def test_a_jar_that_is_nowhere_is_one_clear_line(repository: Repository) -> None:
    repository.server.shutdown()
    repository.server.server_close()

    with pytest.raises(InfrastructureUnavailable, match=f"^{COORDINATE} can't be fetched: ") as raised:
        provide_jars(nothing, repository.lock)

    assert "\n" not in str(raised.value)


def test_two_that_fetch_at_once_fetch_each_jar_once(repository: Repository) -> None:
    threads = [threading.Thread(target=provide_jars, args=(nothing, repository.lock)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(repository.served) == 1


def broken_off(repository: Repository, after_s: float = 0.3) -> float:
    """How long a fetch goes on once it is broken off."""
    cancellation = Cancellation()
    threading.Timer(after_s, cancellation.cancel).start()
    began = time.monotonic()
    with pytest.raises(StackError, match=r"^the start was broken off$"):
        provide_jars(nothing, repository.lock, cancellation)
    return time.monotonic() - began - after_s


def test_a_slow_download_is_broken_off(repository: Repository) -> None:
    repository.content = b"x" * PIECE * 200
    repository.pause_s = 0.1

    assert broken_off(repository) < 5
    assert not list(repository.lock.parent.glob("cache/kafka-*/*.jar"))


def test_the_wait_for_another_who_fetches_is_broken_off(repository: Repository) -> None:
    with exclusive(repository.lock.parent / "cache" / f"kafka-{KAFKA_VERSION}.lock"):
        assert broken_off(repository) < 5


def test_the_lock_file_names_kafka_its_clients_and_a_log_binding() -> None:
    names = [jar.coordinate for jar in read_lock(LOCK)]

    assert names == list(dict.fromkeys(names))
    for artifact in ("kafka_2.13:4.3.1", "kafka-clients:4.3.1"):
        assert f"org.apache.kafka:{artifact}" in names
    assert any("log4j-slf4j-impl" in name for name in names)
