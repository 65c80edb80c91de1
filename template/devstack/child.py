"""One process of the stack: its start, its log lines, its end."""

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
    """The process that ends the children of a killed stack, see `devstack.guard`."""

    def __init__(self, root: Path) -> None:
        """Start it; `root` is there for whoever reads the list of processes."""
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, str(root)],
            stdin=reading,
            start_new_session=True,
        )
        os.close(reading)

    def watch(self, pid: int, number: signal.Signals) -> None:
        """List a child, with the signal that asks it to end."""
        self._tell(f"+{pid} {int(number)}\n")

    def forget(self, pid: int) -> None:
        """Take a child that has ended off the list."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the guard; it ends who is still listed."""
        os.close(self._pipe)
        self._process.wait()

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, line.encode())


class Child:
    """A process in a session of its own: Ctrl-C reaches the runner alone, which stops in order."""

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
        """Start the process, and follow its output until it has ended."""
        self.changed.clear()
        self.tail.clear()
        reading, writing = os.pipe()
        try:
            # A pipe of our own: with asyncio's, wait() may last until the last heir closes it.
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
        self._guard.watch(self._running.pid, signal.SIGTERM)
        pump = asyncio.create_task(self._pump(reading))
        self._ended = asyncio.create_task(self._end(self._running, pump))

    async def wait(self) -> int:
        """Exit code, negative for the signal that ended it; nothing of its group lives then."""
        if self._ended is None:
            raise RuntimeError(f"{self.name} was never started")
        return await asyncio.shield(self._ended)

    async def wait_or_change(self) -> int | None:
        """As `wait`, or None as soon as the code has changed."""
        ended = asyncio.create_task(self.wait())
        changed = asyncio.create_task(self.changed.wait())
        try:
            await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
            return None if changed.done() else ended.result()
        finally:
            ended.cancel()
            changed.cancel()

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the process to end, kill its group after a while or when `hurry` is set."""
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

    async def _end(self, running: asyncio.subprocess.Process, pump: asyncio.Task[None]) -> int:
        code = await running.wait()
        signal_group(running.pid, signal.SIGKILL)
        self._guard.forget(running.pid)
        # Whoever left the group may still hold the pipe.
        await asyncio.wait({pump}, timeout=1)
        pump.cancel()
        return code

    async def _pump(self, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
        )
        rest = b""
        try:
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
