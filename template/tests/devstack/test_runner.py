"""The runner: every process is stopped, whatever happens."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import httpx
import pytest

from devstack import env, runner, services
from devstack.child import Child, Guard
from devstack.cli import delete_data, refuse_deployment
from devstack.errors import DevStackError
from devstack.lock import api_address, folder_lock
from devstack.output import Output
from devstack.ports import free_port, listen, port_of
from devstack.runner import api_socket
from devstack.stack import Process, Stack, processes
from tests.devstack.processes import eventually, mentioning

PROJECT = Path(__file__).absolute().parents[2]

API = """
import socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
print("api is ready", flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    connection.close()
"""
# Has a child process, like a Celery worker.
WORKER = """
import pathlib, subprocess, sys, time
here = pathlib.Path(__file__)
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)", here])
print("worker is ready", flush=True)
time.sleep(100)
"""
HELPER = """
import time
print("helper is ready", flush=True)
time.sleep(100)
"""
IGNORES_SIGTERM = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WORKER


@dataclass
class Run:
    """A running stack and its output so far."""

    process: subprocess.Popen[bytes]
    root: Path

    @property
    def output(self) -> str:
        return (self.root / "output").read_text()

    def shows(self, text: str) -> bool:
        return eventually(lambda: text in self.output or self.ended) and text in self.output

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def all_stopped(self) -> bool:
        return eventually(lambda: not mentioning(self.root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api.py").write_text(API)
    (tmp_path / "app" / "helper.py").write_text(HELPER)
    (tmp_path / "app" / "worker.py").write_text(WORKER)
    (tmp_path / "setup.py").write_text("print('setup has run')")
    return tmp_path


def start(root: Path, *arguments: str, until: str = "worker is ready") -> Run:
    with (root / "output").open("wb") as output:
        run = Run(launch(root, output.fileno(), *arguments), root)
    if not run.shows(until):
        run.process.kill()
        run.process.wait()
        pytest.fail(run.output[-2000:])
    return run


def launch(root: Path, output: int, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.devstack.fake_dev", root, *arguments],
        cwd=PROJECT,
        stdout=output,
        stderr=subprocess.STDOUT,
        # The services have URLs, so none of them is started.
        env={**os.environ, "PYTHONPATH": str(PROJECT), **dict.fromkeys(env.SERVICES, "x://")},
    )


@pytest.fixture
def stack(root: Path) -> Iterator[Run]:
    run = start(root)
    yield run
    if not run.ended:
        run.process.kill()
        run.process.wait()
    assert run.all_stopped()


def kill(root: Path, program: str) -> None:
    """Kill the process of a program of the stack."""
    (pid,) = [
        pid for pid, line in mentioning(root).items() if line.endswith(f"-S {root}/{program}")
    ]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order(stack: Run, number: signal.Signals) -> None:
    stack.process.send_signal(number)
    assert stack.process.wait(10) == 0
    assert not mentioning(stack.root)
    assert "Traceback" not in stack.output
    assert not env.service_file(stack.root).exists()


def test_a_second_ctrl_c_kills_what_ignores_the_first(root: Path) -> None:
    (root / "app" / "worker.py").write_text(IGNORES_SIGTERM)
    run = start(root)
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    assert not run.ended
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert not mentioning(root)


def test_ctrl_c_during_the_start(root: Path) -> None:
    (root / "setup.py").write_text("import time\nprint('setup runs', flush=True)\ntime.sleep(100)")
    run = start(root, until="setup runs")
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(5) == 0
    assert not mentioning(root)


def test_a_closed_terminal(root: Path) -> None:
    """The output is closed and SIGHUP arrives."""
    reading, writing = os.pipe()
    process = launch(root, writing)
    os.close(writing)
    assert eventually(lambda: any("worker.py" in line for line in mentioning(root).values()))
    os.close(reading)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 0
    assert not mentioning(root)


def test_a_killed_child_stops_everything_and_is_named(stack: Run) -> None:
    kill(stack.root, "app/worker.py")
    assert stack.process.wait(10) == 1
    assert not mentioning(stack.root)
    error = stack.output.partition("Error: ")[2]
    assert re.search(r"^worker\b.*\bSIGKILL\b.*\nworker is ready", error)


def test_a_killed_helper_is_started_again(stack: Run) -> None:
    assert stack.shows("helper is ready"), stack.output
    kill(stack.root, "app/helper.py")
    assert eventually(lambda: stack.output.count("helper is ready") == 2), stack.output
    assert "helper ended by signal SIGKILL, starting it again" in stack.output
    stack.process.terminate()
    assert stack.process.wait(10) == 0
    assert not mentioning(stack.root)


def test_after_a_killed_runner_everything_stops_and_the_folder_is_free(stack: Run) -> None:
    stack.process.kill()
    stack.process.wait()
    assert stack.all_stopped()
    with folder_lock(stack.root):
        assert api_address(stack.root) == ""


@pytest.mark.parametrize("program", ["setup.py", "app/worker.py"])
def test_a_failure_at_the_first_start_stops_everything_and_shows_the_log(
    root: Path, program: str
) -> None:
    (root / program).write_text("raise SystemExit('setting is missing')")
    run = start(root, until="\nsetting is missing")
    assert run.process.wait(10) == 1
    assert f"Error: {Path(program).stem} ended with exit code 1." in run.output
    assert not mentioning(root)


def test_after_a_failure_by_a_change_the_next_change_restarts(stack: Run) -> None:
    program = stack.root / "app" / "worker.py"
    program.write_text("raise SystemExit(3)")
    assert stack.shows("worker ended (exit code 3)"), stack.output
    assert not stack.ended
    program.write_text(WORKER.replace("worker is ready", "worker is ready again"))
    assert stack.shows("worker is ready again"), stack.output
    stack.process.terminate()
    assert stack.process.wait(10) == 0


def test_an_api_that_failed_by_a_change_answers_503(stack: Run) -> None:
    assert eventually(lambda: bool(api_address(stack.root)))
    address, program = api_address(stack.root), stack.root / "app" / "api.py"
    program.write_text("raise SystemExit(3)")
    assert stack.shows("api ended (exit code 3)"), stack.output
    for _ in range(2):
        answer = httpx.get(address, timeout=5)
        assert (answer.status_code, "app dev" in answer.text) == (503, True)
    program.write_text(API.replace("api is ready", "api is ready again"))
    assert stack.shows("api is ready again"), stack.output
    assert httpx.get(address, timeout=5).status_code == 200
    stack.process.terminate()
    assert stack.process.wait(10) == 0


def test_a_second_stack_in_a_folder_is_refused_with_the_address_of_the_first(root: Path) -> None:
    with folder_lock(root) as lock:
        with pytest.raises(DevStackError, match=rf"\b{os.getpid()}\b"):
            folder_lock(root).__enter__()
        lock.publish("http://127.0.0.1:8000")
        with pytest.raises(DevStackError, match=r"http://127\.0\.0\.1:8000\b"):
            folder_lock(root).__enter__()


def test_a_port_in_use_is_an_error_only_with_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevStackError, match=rf"\b{port}\b.*{os.strerror(errno.EADDRINUSE)}"):
            api_socket(port)
        monkeypatch.setattr(runner, "API_PORT", port)
        with api_socket(None) as another:
            assert another.getsockname()[1] != port


def test_two_stacks_that_start_together_get_different_ports(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both prefer the same port, and it is free.
    monkeypatch.setattr(services, "SUPABASE_PORT", free_port())
    with listen(0) as listening, ExitStack() as opened:
        stack = Stack(root, {}, listening)
        ports = []
        for _ in range(2):
            supabase = services.supabase_process(stack)
            assert supabase
            ports.append(port_of(opened.enter_context(supabase.sockets[0])))
    assert len(set(ports)) == 2


async def test_long_and_undecodable_lines_are_shown(root: Path) -> None:
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
    names = [each.name for each in found]
    assert [name for name in names if name in ("api", "worker", "beat")] == [
        "api",
        "worker",
        "beat",
    ]


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_deployment_is_refused(name: str) -> None:
    with pytest.raises(DevStackError, match=f"ENVIRONMENT.*{name}"):
        refuse_deployment({"ENVIRONMENT": name})


def test_reset_asks_and_deletes_the_data(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = root / ".dev"
    with folder_lock(root):
        (data / "postgres").mkdir()
        (data / "supabase.json").write_text("{}")
        monkeypatch.setattr(sys, "stdin", StringIO())
        with pytest.raises(DevStackError, match="--yes"):
            delete_data(root, yes=False)
        assert (data / "supabase.json").exists()
        delete_data(root, yes=True)
        assert {path.suffix for path in data.iterdir()} <= {"", ".lock"}
        assert not (data / "postgres").exists()
