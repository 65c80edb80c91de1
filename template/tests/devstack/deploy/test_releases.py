"""Releases on a machine with real SSH and Caddy, under load, killed and broken."""

import fcntl
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.devstack.deploy.load import Load, load
from tests.devstack.deploy.machine import (
    Machine,
    machine,
    requires_machine,
    until,
    write_sample,
)

pytestmark = requires_machine

PHASES = ("copy", "build", "migrate", "start", "workers", "switch", "watch", "drain")
ALL = {"api", "worker", "beat"}
PATHS = ("/", "/", "/slow", "/tasks/{name}")


@pytest.fixture(scope="module")
def served() -> Iterator[Machine]:
    """A machine with a first release."""
    with machine() as host:
        write_sample(host.repository)
        (host.home / ".env").touch(0o600)
        host.commit("first")
        host.deploy()
        yield host


def require_whole(host: Machine, found: Load) -> None:
    """No request has failed or waited for two seconds, and no task is lost or ran twice."""
    assert found.failures == []
    assert found.longest < 2
    assert found.tasks
    done = host.root / "done"
    until(lambda: all((done / name).exists() for name in found.tasks))


def pid_of_host(host: Machine) -> int:
    return int((host.home / ".lock").read_text().rpartition(" ")[2])


def test_the_second_release_takes_over_without_a_lost_request(served: Machine) -> None:
    before = served.serves()
    # By a umask of this machine that lets nobody else read it.
    (served.repository / "app/main.py").chmod(0o600)
    served.commit("second")
    with load(served, *PATHS) as found:
        output = served.deploy()
    require_whole(served, found)
    assert (found.releases[0], found.releases[-1]) == ("first", "second")
    begun = re.findall(r"^==> (\w+)", output, re.MULTILINE)
    assert begun == ["copy", "build", "backup", *PHASES[2:]]
    assert served.serves() != before
    # What the release is made of besides the commit, where the processes are told to look.
    current = (served.home / "current").resolve()
    told = dict(line.split("=", 1) for line in (current / "release.env").read_text().splitlines())
    assert (Path(told["SAMPLE_COLLECTED"]) / "file").read_text() == "second"
    assert (Path(told["SAMPLE_MADE"]) / "main.py").exists()
    assert (current / "made/main.py").stat().st_mode & 0o777 == 0o644
    assert current / "made" == Path(told["SAMPLE_MADE"]).resolve()
    until(lambda: served.releases() == {served.serves(): ALL})
    # A beat has begun only after the other one had ended.
    until(lambda: (served.root / "beats").read_text().split()[-1] == "second")
    assert (served.root / "beats").read_text().splitlines() == [
        *("begin first", "end first", "begin second")
    ]
    with httpx.Client(base_url=served.url, verify=served.trust()) as client:
        answer = client.get("/", headers={"X-Forwarded-For": "203.0.113.9"}).json()
    assert (answer["client"][0], answer["scheme"]) == ("127.0.0.1", "https")


@pytest.mark.slow
def test_a_deploy_killed_in_any_phase_is_repeated(served: Machine) -> None:
    with load(served, *PATHS) as found:
        for phase in PHASES:
            served.commit(f"killed in {phase}")
            with served.begin() as process:
                assert process.stdout
                for line in process.stdout:
                    if line.startswith(f"==> {phase}"):
                        break
                else:
                    pytest.fail(f"no phase {phase}")
                if phase == "copy":
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    os.kill(pid_of_host(served), signal.SIGKILL)
        served.commit("repeated")
        served.deploy()
    require_whole(served, found)
    assert found.releases[-1] == "repeated"
    until(lambda: served.releases() == {served.serves(): ALL})


@pytest.mark.slow
def test_a_deploy_goes_on_without_its_connection(served: Machine) -> None:
    before = served.serves()
    served.commit("alone")
    with load(served, *PATHS) as found:
        with served.begin() as process:
            assert process.stdout
            next(line for line in process.stdout if line.startswith("==> start"))
            os.killpg(process.pid, signal.SIGKILL)
        until(lambda: served.serves() != before, 60)
        until(lambda: served.releases() == {served.serves(): ALL})
    require_whole(served, found)
    assert found.releases[-1] == "alone"


def test_a_second_deploy_is_refused(served: Machine) -> None:
    before = served.serves()
    with (served.home / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "Another one runs" in served.deploy("rollback", code=1)
        assert "Now: " in served.deploy("status")
    assert served.serves() == before


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("migration", marks=pytest.mark.slow),
        "api",
        pytest.param("worker", marks=pytest.mark.slow),
        "later",
    ],
)
def test_a_broken_release_is_taken_back(served: Machine, broken: str) -> None:
    before = served.serves()
    served.commit(f"broken {broken}", broken)
    with load(served, *PATHS) as found:
        output = served.deploy(code=1)
    require_whole(served, found)
    assert "Error: " in output
    # What the process has said; "later" says nothing and is asked.
    assert ("redis down" if broken == "later" else " is broken.\n") in output
    assert served.serves() == before
    until(lambda: served.releases() == {before: ALL})
    served.commit("mended")
    (served.root / "served").unlink(missing_ok=True)


@pytest.mark.slow
def test_rollback_goes_back_step_by_step(served: Machine) -> None:
    for name in ("one", "two"):
        served.commit(name)
        served.deploy()
    two = served.serves()
    until(lambda: served.releases() == {two: ALL})
    # A task that the worker of "two" still runs when "two" is to serve again.
    (served.root / "queue/long").touch()
    until(lambda: (served.root / "taken/long").exists())
    served.commit("three")
    served.deploy()
    assert (served.root / "taken/long").exists()
    assert served.releases().keys() == {two, served.serves()}
    with load(served, *PATHS) as found:
        served.deploy("rollback")
        assert served.releases()[two] == ALL
        (served.root / "let-it-end").touch()
        until(lambda: (served.root / "done/long").exists())
        assert (served.home / "current/release.json").read_text() == '["two", ""]'
        served.deploy("rollback")
    require_whole(served, found)
    assert found.releases[-1] == "one"
    until(lambda: served.releases() == {served.serves(): ALL})
    status = served.deploy("status")
    assert f"{served.serves()}  serves\n" in status
    assert status.count("faulty") >= 2
    assert "The API of the current release: ready." in status
    assert len(list((served.home / "backups").iterdir())) <= 5
    assert len(list((served.home / "releases").iterdir())) <= 8
    served.deploy("rollback", two)
    assert f"{two}  serves\n" in served.deploy("status")
    until(lambda: served.releases() == {two: ALL})
    assert "two console" in served.deploy("console")
    assert served.deploy("logs", "api").strip()
