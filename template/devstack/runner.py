"""Starts everything in order, watches it, and leaves nothing behind, however it ends."""

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
from devstack.ports import HOST, listen, listen_near, port_of
from devstack.postgres import Postgres
from devstack.server import Server
from devstack.services import databases, supabase_process
from devstack.stack import PROCESSES, Process, Stack, other_addresses, processes

API_PORT = 8000
API_SECONDS = 60.0
HEALTH_PATH = "/health/live"
# A terminal and a launcher above us may both pass on one Ctrl-C.
SECOND_SIGNAL_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def api_socket(port: int | None) -> socket.socket:
    """Open where the API listens: `port`, or 8000 if that is free, or any free one.

    Raises:
        DevStackError: the chosen port cannot be had.
    """
    if port is None:
        return listen_near(API_PORT)
    try:
        return listen(port)
    except OSError as error:
        raise DevStackError(
            f"Port {port} cannot be used ({error.strerror}). Choose another one, or leave --port "
            "out and a free one is found."
        ) from None


async def http_status(host: str, port: int, path: str) -> int:
    """Return the status of a GET request; waits for the answer.

    Raises:
        OSError: nobody listens there, or the answer is no HTTP.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        words = (await reader.readline()).split()
        if len(words) < 2 or not words[1].isdigit():
            raise ConnectionError(f"no answer from {host}:{port}")
        return int(words[1])
    finally:
        writer.close()


async def until_healthy(port: int, path: str, child: Child) -> None:
    """Wait until `path` answers 200.

    Raises:
        DevStackError: it does not within a minute.
    """
    deadline = time.monotonic() + API_SECONDS
    status = "no answer"
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, TimeoutError):
            code = await asyncio.wait_for(http_status(HOST, port, path), timeout=API_SECONDS)
            if code == 200:
                return
            status = f"status {code}"
        await asyncio.sleep(0.05)
    raise DevStackError(f"{child.name} does not become healthy: {status} at {path}.")


@dataclass
class Runner:
    """One run of the stack in one project folder."""

    root: Path
    # What `.env` and the environment say.
    settings: Mapping[str, str]
    output: Output
    lock: FolderLock
    listening: socket.socket
    # Migrates and seeds, once, before the processes start.
    setup: Sequence[str]
    package: str = PROCESSES
    _addresses: dict[str, str] = field(default_factory=dict)
    _servers: dict[str, Server] = field(default_factory=dict)
    _children: list[Child] = field(default_factory=list)
    _stopping: float | None = None

    async def run(self) -> int:
        """Run until a signal or a failure; the exit code of the command."""
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
            self.output.note(f"Error: {first(known)}")
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
            stack = Stack(self.root, self.settings, self.listening)
            self._addresses = await self._start_services(stack, tasks)
            environment.write_service_file(self.root, self._addresses)
            await self._set_up()
            members = processes(stack, self.package)
            children = [self._child(member) for member in members]
            tasks.create_task(self._watch_files(children))
            self.lock.tell(stack.api_url)
            for child in children:
                tasks.create_task(self._supervise(child))
                if self.listening in child.process.sockets:
                    # First of all, so that it need not share the processor with the others.
                    await until_healthy(port_of(self.listening), HEALTH_PATH, child)
            self._show_table(members, other_addresses(stack, self.package))

    async def _start_services(self, stack: Stack, tasks: asyncio.TaskGroup) -> dict[str, str]:
        """Start what is not set from outside, all at once; name -> address."""
        self._servers = databases(self.root, self.settings)
        supabase = supabase_process(stack)
        starts = [
            tasks.create_task(self._start_server(server)) for server in self._servers.values()
        ]
        if supabase is not None:
            child = self._child(supabase.process)
            tasks.create_task(self._supervise(child))
            starts.append(tasks.create_task(until_healthy(supabase.port, "/", child)))
        await asyncio.gather(*starts)
        for server in self._servers.values():
            tasks.create_task(self._supervise_server(server))
        addresses = {name: server.url for name, server in self._servers.items()}
        return addresses | ({"SUPABASE_URL": supabase.url} if supabase else {})

    async def _start_server(self, server: Server) -> None:
        # The threads of the default pool stay until the loop ends; the kernel would stop a server
        # whose starting thread has gone.
        await asyncio.to_thread(server.end_leftover)
        await asyncio.to_thread(server.start)
        if server.process is not None:
            self._guard.watch(server.process.pid, server.stop_signal)

    async def _set_up(self) -> None:
        child = self._child(Process(name="setup", command=list(self.setup), order=0))
        await child.start()
        if code := await child.wait():
            raise died(child, code)

    def _child(self, process: Process) -> Child:
        # Without what `.env` says: each process reads it afresh when it starts.
        env = {**os.environ, **self._addresses, "PYTHONUNBUFFERED": "1"}
        if self.output.coloured:
            env["FORCE_COLOR"] = "1"
        child = Child(process, self.root, env, self.output, self._guard)
        self._children.append(child)
        return child

    async def _supervise(self, child: Child) -> None:
        """Keep a process running; one that a code change broke waits for the next change."""
        code_changed = False
        while True:
            await child.start()
            code = await child.wait_or_change()
            if code is None:
                self.output.note(f"code changed, restarting {child.name}")
                await child.stop(self._hurry)
            elif code < 0 or not code_changed:
                raise died(child, code)
            else:
                self.output.note(f"{child.name} ended (exit code {code}); waiting for a change")
                await child.changed.wait()
            code_changed = True

    async def _supervise_server(self, server: Server) -> None:
        if server.process is not None:
            # Not waited for: reaping it here would race with `stop`.
            while server.process.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        raise DevStackError(
            f"{server.title} ended. The last lines of its log:\n{server.log_tail()}"
        )

    async def _watch_files(self, children: list[Child]) -> None:
        from watchfiles import PythonFilter, awatch

        folders = {
            folder: (self.root / folder).resolve()
            for child in children
            for folder in child.process.watch
        }
        if not folders:
            return
        async for changes in awatch(*folders.values(), watch_filter=PythonFilter()):
            paths = [Path(path) for _, path in changes]
            for child in children:
                watched = [folders[folder] for folder in child.process.watch]
                if any(path.is_relative_to(folder) for path in paths for folder in watched):
                    child.changed.set()

    def _show_table(self, members: list[Process], more: Mapping[str, str]) -> None:
        services = self._addresses
        shown = {label: url for each in members for label, url in each.addresses.items()}
        shown |= more
        sign_ins = {}
        if "SUPABASE_URL" in services:
            shown["Sign in, sign up"] = services["SUPABASE_URL"]
            for label, name in (("Admin", "FIRST_ADMIN"), ("Demo user", "DEMO_USER")):
                sign_ins[label] = (
                    self.settings[f"{name}_EMAIL"],
                    self.settings[f"{name}_PASSWORD"],
                )
        for each in members:
            sign_ins |= each.sign_ins
        labels = {"DATABASE_URL": "Postgres", "REDIS_URL": "Redis"}
        shown |= {labels[name]: services[name] for name in labels if name in services}
        self.output.table(shown, sign_ins)

    async def _shutdown(self) -> None:
        """Those who use a service stop before it."""
        environment.service_file(self.root).unlink(missing_ok=True)
        for child in reversed(self._children):
            await child.stop(self._hurry)
            for each in child.process.sockets:
                each.close()
        ordered = sorted(self._servers.values(), key=lambda each: not isinstance(each, Postgres))
        for server in ordered:
            process = server.process
            await asyncio.to_thread(server.stop)
            if process is not None:
                self._guard.forget(process.pid)
        self._guard.close()


def died(child: Child, code: int) -> DevStackError:
    """Say what happened to a process that should still be there."""
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    lines = "\n".join(child.tail) or "(it wrote nothing)"
    return DevStackError(f"{child.name} ended {how}. Its last lines:\n{lines}")


def first(failures: BaseExceptionGroup[DevStackError]) -> DevStackError:
    """Pick one failure of a group: what failed next to it mostly failed because of it."""
    failure = failures.exceptions[0]
    return first(failure) if isinstance(failure, BaseExceptionGroup) else failure
