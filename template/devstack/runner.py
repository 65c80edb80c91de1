"""Starts everything in order, supervises it, and always stops every process at the end."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack import env as environment
from devstack.child import Child, Guard
from devstack.errors import DevStackError
from devstack.lock import FolderLock
from devstack.output import Output
from devstack.ports import HOST, listen, listen_near, port_of, unavailable
from devstack.postgres import Postgres
from devstack.server import Server
from devstack.services import databases, supabase_process
from devstack.stack import PROCESSES, Front, Process, Stack, other_addresses, processes

API_PORT = 8000
HTTPS_PORT = 8443
API_SECONDS = 60.0
RESTART_SECONDS = 1.0
HEALTH_PATH = "/health/live"
# One Ctrl-C may arrive twice: from the terminal and from a parent process.
SECOND_SIGNAL_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def api_socket(port: int | None, preferred: int | None = None) -> socket.socket:
    """Open the socket of the API: on `port`, or by default on 8000 (`preferred`) or any free port.

    Raises:
        DevStackError: `port` cannot be used.
    """
    if port is None:
        return listen_near(preferred or API_PORT)
    try:
        return listen(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise DevStackError(
            f"Port {port} cannot be used ({reason}). Choose another port, or omit --port to use "
            "any free port."
        ) from None


async def http_status(port: int, path: str) -> int:
    """Return the status of a GET request; the import of an HTTP client would delay each start.

    Raises:
        OSError: there is no HTTP server.
    """
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split()
        if len(words) < 2 or not words[1].isdigit():
            raise ConnectionError(f"no HTTP on port {port}")
        return int(words[1])
    finally:
        writer.close()


async def wait_until_healthy(port: int, path: str, child: Child) -> None:
    """Wait until `path` answers 200.

    Raises:
        DevStackError: it does not answer 200 within a minute.
    """
    result = "no response"
    try:
        async with asyncio.timeout(API_SECONDS):
            while True:
                with contextlib.suppress(OSError):
                    result = f"status {await http_status(port, path)}"
                if result == "status 200":
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DevStackError(f"{child.name} does not become healthy: {result} at {path}.") from None


@dataclass
class Runner:
    """One run of the stack in one project folder."""

    root: Path
    # Values of `.env` and the environment.
    settings: Mapping[str, str]
    output: Output
    lock: FolderLock
    listening: socket.socket
    # Command that migrates and seeds the database, before the processes start.
    setup: Sequence[str]
    package: str = PROCESSES
    front: Front | None = None
    # False: stop after the setup.
    serve: bool = True
    _addresses: dict[str, str] = field(default_factory=dict)
    _servers: dict[str, Server] = field(default_factory=dict)
    _found: list[Process] = field(default_factory=list)
    _children: list[Child] = field(default_factory=list)
    _stopping: float | None = None

    async def run(self) -> int:
        """Run until a signal or a failure, and return the exit code."""
        self._hurry = asyncio.Event()
        self._guard = Guard(self.root)
        main = asyncio.create_task(self._serve())
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, main)
        code = 0
        try:
            await main
        except asyncio.CancelledError:
            self.output.note("stopping")
        except BaseExceptionGroup as failures:
            known, _ = failures.split(DevStackError)
            if known is None:
                raise
            code = 1
            self.output.note(f"Error: {first_failure(known)}")
        finally:
            await self._shutdown()
        return code

    def _on_signal(self, main: asyncio.Task[None]) -> None:
        now = time.monotonic()
        if self._stopping is None:
            self._stopping = now
            main.cancel()
        elif now - self._stopping > SECOND_SIGNAL_SECONDS:
            self._hurry.set()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            stack = Stack(self.root, self.settings, self.listening, front=self.front)
            supabase = supabase_process(stack)
            # Their sockets are open from here on, so their addresses are known to all.
            self._found = found = processes(stack, self.package)
            if self.front is not None:
                found.append(self.front.process(stack))
            for process in found:
                self._addresses |= process.settings
            self._addresses |= await self._start_services(supabase, tasks)
            environment.write_service_file(self.root, self._addresses)
            await self._run_setup()
            if not self.serve:
                raise asyncio.CancelledError  # it ends the tasks of the services, as a signal does
            children = [self._child(process) for process in found]
            tasks.create_task(self._watch_files(children))
            self.lock.publish(stack.api_url)
            for child in children:
                tasks.create_task(self._supervise(child))
                if self.listening in child.process.sockets:
                    # The others start afterwards, so that the API has the processor for itself.
                    await wait_until_healthy(port_of(self.listening), HEALTH_PATH, child)
            self._show_table(
                [*found, *([supabase] if supabase else [])], other_addresses(stack, self.package)
            )

    async def _start_services(
        self, supabase: Process | None, tasks: asyncio.TaskGroup
    ) -> dict[str, str]:
        """Start the services without a URL in the settings: name of the setting -> URL."""
        self._servers = databases(self.root, self.settings)
        addresses = {}
        starts = [
            tasks.create_task(self._start_server(server)) for server in self._servers.values()
        ]
        if supabase is not None:
            child = self._child(supabase)
            port = port_of(supabase.sockets[0])
            addresses["SUPABASE_URL"] = f"http://{HOST}:{port}"
            tasks.create_task(self._supervise(child))
            starts.append(tasks.create_task(wait_until_healthy(port, "/", child)))
        await asyncio.gather(*starts)
        for name, server in self._servers.items():
            addresses[name] = server.url
            tasks.create_task(self._supervise_server(server))
        return addresses

    async def _start_server(self, server: Server) -> None:
        # The kernel stops a server when the thread that started it ends. The threads of the default
        # pool stay until the loop ends.
        await asyncio.to_thread(server.stop_orphan)
        await asyncio.to_thread(server.start)
        if server.process is not None:
            self._guard.add(server.process.pid, server.stop_signal)

    async def _run_setup(self) -> None:
        child = self._child(Process(name="setup", command=list(self.setup), order=0))
        await child.start()
        if code := await child.wait():
            raise ended_error(child, code)

    def _child(self, process: Process) -> Child:
        env = {**environment.of_children(), **self._addresses, "PYTHONUNBUFFERED": "1"}
        for each in self._found:
            env |= each.shared_env
        if self.output.coloured:
            env["FORCE_COLOR"] = "1"
        child = Child(process, self.root, env, self.output, self._guard)
        self._children.append(child)
        return child

    async def _supervise(self, child: Child) -> None:
        """Run a process, and restart it after code changes.

        If it fails after a change, wait for the next change. If it ends otherwise, fail; or start
        it again, if nothing else depends on it and a signal has killed it.
        """
        code_changed = False
        while True:
            await child.start()
            code = await child.wait_or_change()
            if code is None:
                self.output.note(f"code changed, restarting {child.name}")
                await child.stop(self._hurry)
            elif code < 0 and child.process.restart:
                self.output.note(f"{child.name} {how_ended(code)}, starting it again")
                await asyncio.sleep(RESTART_SECONDS)
                continue
            elif code < 0 or not code_changed:
                raise ended_error(child, code)
            else:
                self.output.note(f"{child.name} ended (exit code {code}); waiting for a change")
                async with unavailable(child.process.sockets):
                    await child.changed.wait()
            code_changed = True

    async def _supervise_server(self, server: Server) -> None:
        if server.process is not None:
            # Polled, because a wait() here would compete with the one in `stop`.
            while server.process.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        raise DevStackError(
            f"{server.title} ended. The last lines of its log:\n{server.log_tail()}"
        )

    async def _watch_files(self, children: list[Child]) -> None:
        from watchfiles import PythonFilter, awatch

        folder = (self.root / "app").resolve()
        async for _ in awatch(folder, watch_filter=PythonFilter()):
            for child in children:
                if child.process.reload:
                    child.changed.set()

    def _show_table(self, found: list[Process], others: Mapping[str, str]) -> None:
        addresses: dict[str, str] = {}
        sign_ins: dict[str, tuple[str, str]] = {}
        for process in found:
            addresses |= process.addresses
            sign_ins |= process.sign_ins
        labels = {"DATABASE_URL": "Postgres", "REDIS_URL": "Redis"}
        databases = {labels[name]: server.url for name, server in self._servers.items()}
        self.output.table({**addresses, **others, **databases}, sign_ins)

    async def _shutdown(self) -> None:
        """Stop processes before the services that they use, and databases last."""
        environment.service_file(self.root).unlink(missing_ok=True)
        for child in reversed(self._children):
            await child.stop(self._hurry)
        for each in (*self._found, *(child.process for child in self._children)):
            for opened in each.sockets:
                opened.close()
        ordered = sorted(self._servers.values(), key=lambda each: not isinstance(each, Postgres))
        for server in ordered:
            process = server.process
            await asyncio.to_thread(server.stop)
            if process is not None:
                self._guard.remove(process.pid)
        self._guard.close()


def ended_error(child: Child, code: int) -> DevStackError:
    """Return the error for a process that must not end, with its last lines."""
    lines = "\n".join(child.tail) or "(no output)"
    return DevStackError(f"{child.name} {how_ended(code)}. Its last lines:\n{lines}")


def how_ended(code: int) -> str:
    """Describe the end of a process; a negative code is that of a signal."""
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"ended {how}"


def first_failure(failures: BaseExceptionGroup[DevStackError]) -> DevStackError:
    """Return the first failure of a group: most later failures are its consequences."""
    failure = failures.exceptions[0]
    return first_failure(failure) if isinstance(failure, BaseExceptionGroup) else failure
