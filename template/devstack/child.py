"""One process of the stack: start, log lines and end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from devstack import guard
from devstack.output import Output
from devstack.server import STOP_SECONDS, child_command, signal_group
from devstack.stack import Process

TAIL_LINES = 20
READ_BYTES = 65536


class Guard:
    """The process that stops the children of a killed stack, see `devstack.guard`."""

    def __init__(self, root: Path) -> None:
        """Start it; `root` only shows in the list of processes which project it belongs to."""
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(root)],
            stdin=reading,
            start_new_session=True,
        )
        os.close(reading)

    def add(self, pid: int, number: signal.Signals) -> None:
        """Add a child, with the signal that asks it to end."""
        self._write(f"+{pid} {int(number)}\n")

    def remove(self, pid: int) -> None:
        """Remove a child that has ended."""
        self._write(f"-{pid}\n")

    def close(self) -> None:
        """End the guard, which stops the children that are still listed."""
        os.close(self._pipe)
        self._process.wait()

    def _write(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, line.encode())


class Child:
    """A process in its own session: Ctrl-C reaches only the runner, which stops all in order."""

    def __init__(
        self, process: Process, root: Path, env: Mapping[str, str], output: Output, guard: Guard
    ) -> None:
        self.process = process
        self.changed = asyncio.Event()
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._root = root
        self._env = {**env, **process.env}
        self._output = output
        self._guard = guard
        self._running: asyncio.subprocess.Process | None = None
        self._ended: asyncio.Task[int] | None = None

    @property
    def name(self) -> str:
        """Name of the process."""
        return self.process.name

    async def start(self) -> None:
        """Start the process and read its output until it ends."""
        self.changed.clear()
        self.tail.clear()
        reading, writing = os.pipe()
        try:
            # Not asyncio's own pipe: with that, wait() returns only when every process that
            # inherited the pipe has closed it.
            self._running = await asyncio.create_subprocess_exec(
                *child_command(self.process.command),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                cwd=self._root,
                env=self._env,
                start_new_session=True,
                pass_fds=[each.fileno() for each in self.process.sockets],
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._guard.add(self._running.pid, signal.SIGTERM)
        reader = asyncio.create_task(self._read_lines(reading))
        self._ended = asyncio.create_task(self._wait_for_end(self._running, reader))

    async def wait(self) -> int:
        """Wait until no process of the group is left; the exit code, negative for a signal."""
        if self._ended is None:
            raise RuntimeError(f"{self.name} was never started")
        return await asyncio.shield(self._ended)

    async def wait_or_change(self) -> int | None:
        """Like `wait`, but return None as soon as the code has changed."""
        ended = asyncio.create_task(self.wait())
        changed = asyncio.create_task(self.changed.wait())
        try:
            await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
            return None if changed.done() else ended.result()
        finally:
            ended.cancel()
            changed.cancel()

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the process to end; kill its group after a timeout or when `hurry` is set."""
        if self._running is None or self._ended is None:
            return
        if self._running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._running.terminate()
            hurried = asyncio.create_task(hurry.wait())
            await asyncio.wait(
                {self._ended, hurried}, timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            hurried.cancel()
            if not self._ended.done():
                signal_group(self._running.pid, signal.SIGKILL)
        await self._ended

    async def _wait_for_end(
        self, running: asyncio.subprocess.Process, reader: asyncio.Task[None]
    ) -> int:
        code = await running.wait()
        signal_group(running.pid, signal.SIGKILL)
        self._guard.remove(running.pid)
        # A process that has left the group may still have the pipe open.
        await asyncio.wait({reader}, timeout=1)
        reader.cancel()
        return code

    async def _read_lines(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
            # StreamReader.readline() would fail for lines above its limit.
            while chunk := await reader.read(READ_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._show(line)
            if rest:
                self._show(rest)
        finally:
            transport.close()

    def _show(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").rstrip("\r")
        self.tail.append(text)
        self._output.line(self.name, text)
