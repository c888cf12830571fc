"""The whole of Orderstream on one machine: `Stack` starts, watches, breaks and ends it."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local.blocking import run_blocking
from deploy.local.components import EVERYTHING, Component, Wiring
from deploy.local.databases import create_databases, drop_databases, url_of
from deploy.local.description import Description, write_description
from deploy.local.errors import StackError
from deploy.local.files import close_folder, make_state
from deploy.local.identity import load_identity, save_identity
from deploy.local.infrastructure import BROKER, DATABASE, provide
from deploy.local.kafka import Detour
from deploy.local.ownership import disown, own, owner
from deploy.local.ports import Ports, check_free
from deploy.local.processes import Processes, end_left_over
from deploy.local.restarts import Restarts
from deploy.local.status import Status, answers_ok, read_status
from deploy.local.topics import SERVICES, create_topics, delete_topics, topics_of

READY_SECONDS = 60.0


class Stack:
    """A stack in a state directory; what it stored, its ports and its keys are found again at the next start.

    `components` says what runs above Kafka and PostgreSQL: EVERYTHING, a subset, or () for these two alone.
    `environment` adds settings to components by their names. `infrastructure` is auto, env, docker or local;
    without it TEST_INFRA decides, else it is local. `seed` goes to the simulators. `kafka_detour` is one more
    way into the embedded Kafka. `report` is called, from several threads, with one line for each thing that is
    being done.

    Every child process ends when this process does, however it ends. As a context manager it starts and
    stops.
    """

    def __init__(
        self,
        state: Path,
        *,
        components: Sequence[Component] = EVERYTHING,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        infrastructure: str | None = None,
        seed: int = 1,
        kafka_detour: Detour | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.state = state.expanduser().absolute()
        extra = environment or {}
        self._components = {c.name: _with_environment(c, extra.get(c.name, {})) for c in components}
        if unknown := extra.keys() - self._components.keys():
            raise StackError(f"the stack has no component named {', '.join(sorted(unknown))}")
        self._report = report
        self._seed = seed
        self._lock: IO[str] | None = None
        self._wanted: set[str] = set()
        make_state(self.state)
        self._identity = load_identity(self.state)
        self._ports = Ports(self._identity.ports)
        self._processes = Processes(self.state)
        self._infrastructure = provide(
            infrastructure,
            self.state,
            identity=self._identity,
            ports=self._ports,
            processes=self._processes,
            kafka_detour=kafka_detour,
        )
        self._wiring = Wiring(
            state=self.state,
            identity=self._identity,
            ports=self._ports,
            kafka=self._infrastructure.addresses.kafka,
            postgres=self._infrastructure.addresses.postgres,
            prefix=f"orderstream-{self._identity.stack_id}" if self._infrastructure.shared else "orderstream",
            seed=self._seed,
        )

    def start(self) -> Description:
        """Start everything and wait until it is ready. Raises StackError, with nothing left running."""
        self._lock = own(self.state)
        try:
            for name in end_left_over(self.state):
                self._report(f"ended {name}, left over from before")
            self._processes.open()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self.description

    def stop(self) -> None:
        """End everything, the services before their servers. What was not started is fine."""
        self._processes.cancel()
        if self._lock is None:
            return
        servers = {BROKER, DATABASE}
        simulators = {c.name for c in self._components.values() if c.kind != "service"}
        names = set(self._processes.names())
        if BROKER in names - self._wanted:
            self._processes.kill(BROKER)  # while it starts it takes long to hear a stop
        self._wanted.clear()
        self._processes.stop_all(names - servers - simulators)
        self._processes.stop_all(names & simulators)
        self._infrastructure.stop()
        self._processes.close()
        self._ports.let_go()
        disown(self.state, self._lock)
        self._lock = None

    def discard(self) -> None:
        """Stop, and remove all that the stack ever stored. Raises StackError when another process runs it."""
        self.stop()
        if owner(self.state) is not None:
            raise StackError(f"a stack is running in {self.state}: stop it first")
        if self._infrastructure.shared:
            addresses, wiring = self._infrastructure.addresses, self._wiring
            run_blocking(drop_databases(addresses.postgres, [wiring.database(of).name for of in SERVICES]))
            run_blocking(delete_topics(addresses.kafka, [t.name for t in topics_of(wiring.prefix)]))
        for folder in (*self._infrastructure.outside(), self.state):
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def description(self) -> Description:
        """Addresses and keys."""
        wiring, running = self._wiring, self._components
        services = [c for c in running.values() if c.kind == "service"]
        names = [*self._infrastructure.processes, *running]
        return Description(
            kafka=wiring.kafka,
            topic_prefix=wiring.prefix,
            postgres=wiring.postgres,
            operator_key=self._identity.operator_key,
            services={c.name: wiring.url(c.name) for c in services},
            databases={of: url_of(wiring.postgres, wiring.database(of)) for of in SERVICES},
            gateway_url=wiring.url("gateway") if "gateway" in running else "",
            gateway_key=self._identity.password("gateway"),
            carrier_url=wiring.url("carrier") if "carrier" in running else "",
            carrier_key=self._identity.password("carrier"),
            mailbox_url=wiring.url("mailbox") if "mailbox" in running else "",
            processes={name: str(self._processes.log(name)) for name in names},
        )

    def status(self) -> list[Status]:
        """How each process is doing."""
        return read_status(self.state)

    def add(self, *components: Component) -> None:
        """Start more components, such as second instances, at once, and wait until they are ready."""
        for component in components:
            if component.name in self._components:
                raise StackError(f"the stack has a component named {component.name} already")
        self._components |= {component.name: component for component in components}
        self._keep_ports()
        self._together([partial(self._start_component, component) for component in components])
        write_description(self.state, self.description)

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """End a process properly if it runs, start it again, and wait until it is ready.

        `environment` adds settings to a component for this run alone.
        """
        self._check(name)
        self._wanted.discard(name)
        self._processes.stop(name)
        if environment and name in self._components:
            self._start_component(_with_environment(self._components[name], environment))
        else:
            self._start_named(name)

    def kill(self, name: str) -> None:
        """SIGKILL a process; it stays away until `restart`."""
        self._check(name)
        self._wanted.discard(name)
        self._processes.kill(name)

    def freeze(self, name: str) -> None:
        """SIGSTOP a process: its connections stay and nothing answers, until `resume`."""
        self._check(name)
        self._processes.freeze(name)

    def resume(self, name: str) -> None:
        """Let a frozen process go on."""
        self._check(name)
        self._processes.resume(name)

    def wait(self, name: str, seconds: float) -> int | None:
        """Wait for a process to end: its exit code (negative: the signal), None if it still runs then."""
        self._check(name)
        return self._processes.wait(name, seconds)

    def watch(self, until: threading.Event) -> None:
        """Start again whatever ends unasked, with growing pauses, until the event is set; keep the logs short."""
        restarts, due = Restarts(), dict[str, float]()
        while not until.wait(0.5):
            self._processes.put_long_logs_aside()
            for name in sorted(self._wanted):
                now = time.monotonic()
                if self._processes.running(name):
                    restarts.runs(name, now)
                    due.pop(name, None)
                elif name not in due:
                    pause = restarts.pause_s(name)
                    due[name] = now + pause
                    code = self._processes.exit_code(name)
                    self._report(f"{name} ended with code {code}; it is started again in {pause:.1f} s")
                elif now >= due[name]:
                    del due[name]
                    self._processes.again(name)

    def _start_all(self) -> None:
        components = list(self._components.values())
        services = [c for c in components if c.kind == "service"]
        self._keep_ports()
        self._together(
            [
                self._start_broker,
                partial(self._start_database, services),
                *(partial(self._start_component, c) for c in components if c.kind != "service"),
            ]
        )
        self._together([partial(self._start_component, c) for c in services])
        write_description(self.state, self.description)

    def _start_broker(self) -> None:
        self._start_named(BROKER)
        wiring = self._wiring
        run_blocking(create_topics(wiring.kafka, topics_of(wiring.prefix)))

    def _start_database(self, services: Sequence[Component]) -> None:
        self._start_named(DATABASE)
        databases = [self._wiring.database(of) for of in SERVICES]
        shared = self._infrastructure.shared
        run_blocking(create_databases(self._wiring.postgres, databases, own_server=not shared))
        if services:
            self._report("bringing the databases up to date")
            migrations = self._wiring.migrations(sorted({component.of for component in services}))
            self._processes.start(migrations)
            self._processes.await_end(migrations.name, seconds=120)

    def _start_named(self, name: str) -> None:
        if name in self._components:
            self._start_component(self._components[name])
            return
        self._infrastructure.start(name, self._report)
        if self._processes.running(name):
            self._wanted.add(name)

    def _start_component(self, component: Component) -> None:
        for name in (component.name, *(["smtp"] if component.kind == "mailbox" else [])):
            check_free(self._ports.of(name), name)
        self._report(f"starting {component.name}")
        if component.kind != "service":
            close_folder(self.state / component.name)
        self._processes.start(self._wiring.command(component))
        url = self._wiring.url(component.name)
        ready = partial(answers_ok, url, component.readiness)
        self._processes.await_ready(component.name, ready, READY_SECONDS)
        self._wanted.add(component.name)

    def _keep_ports(self) -> None:
        """Take every port before the first is used, and write them down."""
        for name in (*self._components, *SERVICES, "gateway", "carrier", "mailbox", "smtp"):
            self._ports.of(name)
        self._identity = self._identity.model_copy(update={"ports": self._ports.kept()})
        save_identity(self.state, self._identity)

    def _together(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run tasks at the same time; the first failure makes the others give up, and is raised."""
        if not tasks:
            return
        with ThreadPoolExecutor(max_workers=len(tasks)) as pool:
            pending = {pool.submit(task) for task in tasks}
            try:
                while pending:
                    done, pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION)
                    for future in done:
                        future.result()
            except BaseException:
                self._processes.cancel()
                raise

    def _check(self, name: str) -> None:
        if name not in self._components and name not in self._processes.known():
            raise StackError(f"this stack runs no process of its own named {name}")


def _with_environment(component: Component, environment: Mapping[str, str]) -> Component:
    return component.model_copy(update={"environment": {**component.environment, **environment}})
