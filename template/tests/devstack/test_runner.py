"""The runner: whatever happens, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from devstack import env, runner, services
from devstack.child import Child, Guard
from devstack.cli import delete_data, refuse_online
from devstack.errors import DevStackError
from devstack.lock import folder_lock, running_at
from devstack.output import Output
from devstack.ports import free_port, listen
from devstack.runner import api_socket
from devstack.stack import Process, Stack, processes
from tests.devstack.processes import eventually, mentioning

PROJECT = Path(__file__).absolute().parents[2]

API = """
import socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
print("api serves", flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    connection.close()
"""
# Has a child of its own, as a Celery worker has.
WORKER = """
import pathlib, subprocess, sys, time
here = pathlib.Path(__file__)
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)", here])
print("worker works", flush=True)
time.sleep(100)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WORKER


@dataclass
class Run:
    """A running stack and what it has said so far."""

    process: subprocess.Popen[bytes]
    root: Path

    @property
    def text(self) -> str:
        return (self.root / "output").read_text()

    def says(self, text: str, times: int = 1) -> bool:
        return eventually(lambda: self.text.count(text) >= times or self.ended) and (
            self.text.count(text) >= times
        )

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def leaves_nothing(self) -> bool:
        return eventually(lambda: not mentioning(self.root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api.py").write_text(API)
    (tmp_path / "app" / "worker.py").write_text(WORKER)
    (tmp_path / "setup.py").write_text("print('all set up')")
    return tmp_path


def start(root: Path, *arguments: str, until: str = "worker works") -> Run:
    with (root / "output").open("wb") as output:
        run = Run(launch(root, output.fileno(), *arguments), root)
    if not run.says(until):
        run.process.kill()
        run.process.wait()
        pytest.fail(run.text[-2000:])
    return run


def launch(root: Path, output: int, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.devstack.fake_dev", root, *arguments],
        cwd=PROJECT,
        stdout=output,
        stderr=subprocess.STDOUT,
        # Services that are set from outside: nothing is started for them.
        env={**os.environ, "PYTHONPATH": str(PROJECT), **dict.fromkeys(env.SERVICES, "x://")},
    )


@pytest.fixture
def stack(root: Path) -> Iterator[Run]:
    run = start(root)
    yield run
    if not run.ended:
        run.process.kill()
        run.process.wait()
    assert run.leaves_nothing()


def kill(root: Path, program: str) -> None:
    """Kill the one process that runs a program of the stack."""
    (pid,) = [
        pid for pid, line in mentioning(root).items() if line.endswith(f"-S {root}/{program}")
    ]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order(stack: Run, number: signal.Signals) -> None:
    stack.process.send_signal(number)
    assert stack.process.wait(10) == 0
    assert not mentioning(stack.root)
    assert "stopping" in stack.text
    assert "Traceback" not in stack.text
    assert not env.service_file(stack.root).exists()


def test_a_second_ctrl_c_does_not_wait_for_the_stubborn(root: Path) -> None:
    (root / "app" / "worker.py").write_text(STUBBORN)
    run = start(root)
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert not run.ended
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert not mentioning(root)


def test_ctrl_c_while_starting(root: Path) -> None:
    (root / "setup.py").write_text("import time\nprint('slowly', flush=True)\ntime.sleep(100)")
    run = start(root, until="slowly")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert not mentioning(root)


def test_a_closed_terminal(root: Path) -> None:
    """The output is gone and SIGHUP comes."""
    reading, writing = os.pipe()
    process = launch(root, writing)
    os.close(writing)
    assert eventually(lambda: any("worker.py" in line for line in mentioning(root).values()))
    # The terminal closes.
    os.close(reading)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 0
    assert not mentioning(root)


def test_a_killed_child_stops_everything_with_its_name(stack: Run) -> None:
    kill(stack.root, "app/worker.py")
    assert stack.process.wait(10) == 1
    assert not mentioning(stack.root)
    assert "Error: worker ended by signal SIGKILL. Its last lines:\nworker works" in stack.text


def test_a_killed_runner_leaves_nothing_and_the_folder_is_free(stack: Run) -> None:
    stack.process.kill()
    stack.process.wait()
    assert stack.leaves_nothing()
    with folder_lock(stack.root):
        assert running_at(stack.root) == ""


@pytest.mark.parametrize("program", ["setup.py", "app/worker.py"])
def test_what_fails_at_the_first_start_stops_everything_with_its_log(
    root: Path, program: str
) -> None:
    (root / program).write_text("raise SystemExit('no such setting')")
    run = start(root, until="Its last lines:\nno such setting")
    assert run.process.wait(10) == 1
    name = Path(program).stem
    assert f"Error: {name} ended with exit code 1." in run.text
    assert not mentioning(root)


def test_broken_code_waits_for_the_next_change(stack: Run) -> None:
    program = stack.root / "app" / "worker.py"
    program.write_text("this is no Python")
    assert stack.says("worker ended (exit code 1); waiting for a change"), stack.text
    assert not stack.ended
    program.write_text(WORKER.replace("worker works", "worker works again"))
    assert stack.says("worker works again"), stack.text
    stack.process.terminate()
    assert stack.process.wait(10) == 0


def test_a_second_one_in_the_same_folder_is_told_where_the_first_is(root: Path) -> None:
    with folder_lock(root) as lock:
        with pytest.raises(DevStackError, match=rf"process {os.getpid()}, still starting"):
            folder_lock(root).__enter__()
        lock.tell("http://127.0.0.1:8000")
        with pytest.raises(DevStackError, match=r"already runs .* at http://127\.0\.0\.1:8000\)"):
            folder_lock(root).__enter__()


def test_a_taken_port_is_an_error_only_if_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevStackError, match=rf"Port {port} cannot be used \(Address already"):
            api_socket(port)
        monkeypatch.setattr(runner, "API_PORT", port)
        with api_socket(None) as another:
            assert another.getsockname()[1] != port


def test_two_stacks_that_start_at_once_have_ports_of_their_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both want the same one, and it is free.
    monkeypatch.setattr(services, "SUPABASE_PORT", free_port())
    with listen(0) as listening, ExitStack() as opened:
        stack = Stack(root, {}, listening)
        ports = []
        for _ in range(2):
            supabase = services.supabase_process(stack)
            assert supabase
            opened.enter_context(supabase.process.sockets[0])
            ports.append(supabase.port)
    assert len(set(ports)) == 2


async def test_lines_of_any_length_and_bytes_are_shown(root: Path) -> None:
    write = "import sys; sys.stdout.buffer.write(b'x' * 300000 + b'\\xff\\nno newline')"
    shown = StringIO()
    guard = Guard(root)
    process = Process(name="chatty", command=[sys.executable, "-S", "-c", write], order=0)
    child = Child(process, root, os.environ, Output(shown), guard)
    await child.start()
    assert await child.wait() == 0
    guard.close()
    first, second = shown.getvalue().splitlines()
    assert first.removeprefix("chatty   │ ") == "x" * 300000 + "\N{REPLACEMENT CHARACTER}"
    assert second == "chatty   │ no newline"


def test_every_process_of_the_stack_is_found(root: Path) -> None:
    with listen(0) as listening:
        found = processes(Stack(root, {}, listening), "devstack.processes")
        for each in found:
            for opened in each.sockets:
                opened.close()
    assert [each.name for each in found][:3] == ["api", "worker", "beat"]


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_deployment_is_refused(name: str) -> None:
    with pytest.raises(DevStackError, match=f"ENVIRONMENT is {name}"):
        refuse_online({"ENVIRONMENT": name})


def test_reset_deletes_the_data_and_asks_before(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = root / ".dev"
    with folder_lock(root):
        (data / "postgres").mkdir()
        (data / "supabase.json").write_text("{}")
        monkeypatch.setattr(sys, "stdin", StringIO())
        with pytest.raises(DevStackError, match="there is nobody to ask: add --yes"):
            delete_data(root, yes=False)
        assert (data / "supabase.json").exists()
        delete_data(root, yes=True)
        assert {path.suffix for path in data.iterdir()} <= {"", ".lock"}
        assert not (data / "postgres").exists()
