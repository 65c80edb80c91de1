"""The frontend in the dev stack: what it needs, and what is said if that is missing."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from devstack import checks, node
from devstack.checks import Outcome
from devstack.commands import web as commands
from devstack.errors import DevStackError
from devstack.ports import listen
from devstack.processes import web
from devstack.stack import Stack


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listen(0) as opened:
        yield opened


@pytest.fixture
def stack(tmp_path: Path, listening: socket.socket) -> Stack:
    """The stack of a project whose packages are installed."""
    (tmp_path / "web/node_modules").mkdir(parents=True)
    return Stack(tmp_path, {}, listening)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)


def fake_node(folder: Path, version: str) -> None:
    """Programs `node` and `npm` of a version."""
    for name in ("node", "npm"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho v{version}\n")
        program.chmod(0o755)


def test_the_page_runs_beside_the_api(stack: Stack) -> None:
    process = web.process(stack)
    assert process is not None
    assert process.command[:4] == [sys.executable, "-m", "app", "web"]
    assert process.command[-1] == stack.api_url
    assert process.addresses["Frontend"].startswith("http://127.0.0.1:")
    assert web.addresses(stack) == {}


def test_without_packages_the_stack_runs_and_says_what_to_do(stack: Stack) -> None:
    (stack.root / "web/node_modules").rmdir()
    assert web.process(stack) is None
    assert "app web install" in web.addresses(stack)["Frontend"]


@pytest.mark.usefixtures("no_wheel")
def test_without_node_the_stack_runs_and_says_what_to_do(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert web.process(stack) is None
    assert "22.18" in web.addresses(stack)["Frontend"]


def test_setup_installs_the_packages_if_there_is_a_frontend(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Mock(return_value=Mock(returncode=1))
    monkeypatch.setattr(subprocess, "run", run)
    web.setup(stack.root)
    assert not run.called
    (stack.root / "web/package.json").touch()
    web.setup(stack.root)
    assert run.call_args.args[0][-2:] == ["web", "install"]
    assert "app web install" in capsys.readouterr().out


def test_the_wheel_brings_node_and_npm() -> None:
    found = node.find_node()
    assert found.npm.is_file()
    assert found.run("--version", cwd=Path.cwd()) == 0


@pytest.mark.usefixtures("no_wheel")
def test_a_node_on_the_path_has_to_be_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    fake_node(tmp_path, "22.17.9")
    with pytest.raises(DevStackError, match=r"22\.17\.9"):
        node.find_node()
    fake_node(tmp_path, "22.18.0")
    assert node.find_node().program == tmp_path / "node"


@pytest.mark.slow
def test_the_client_is_generated_again_only_if_the_api_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(__file__).absolute().parents[2]
    (tmp_path / "app").symlink_to(project / "app")
    (tmp_path / "web/app/client").mkdir(parents=True)
    (tmp_path / "web/app/client/index.ts").touch()
    generated = Mock(return_value=0)
    monkeypatch.setattr(node.Node, "run", generated)
    found = node.find_node()
    node.write_client(tmp_path, found)
    node.write_client(tmp_path, found)
    assert generated.call_count == 1
    document = tmp_path / "web/openapi.json"
    document.write_text(document.read_text().replace("/users/me", "/users/you"))
    node.write_client(tmp_path, found)
    assert generated.call_count == 2
    assert "/users/me" in document.read_text()


def test_a_client_that_cannot_be_generated_is_not_taken_for_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(__file__).absolute().parents[2]
    (tmp_path / "app").symlink_to(project / "app")
    (tmp_path / "web").mkdir()
    monkeypatch.setattr(node.Node, "run", Mock(return_value=1))
    with pytest.raises(DevStackError, match="client"):
        node.write_client(tmp_path, node.find_node())
    assert not (tmp_path / "web/openapi.json").exists()


@pytest.mark.parametrize(
    ("severity", "outcome"),
    [("high", Outcome.FAILED), ("low", Outcome.PASSED), (None, Outcome.SKIPPED)],
)
def test_ci_asks_for_vulnerabilities_and_says_if_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, severity: str | None, outcome: Outcome
) -> None:
    fault = {"tea": {"name": "tea", "range": "<2", "severity": severity}}
    report = {"vulnerabilities": fault} if severity else {"message": "request failed"}
    npm = tmp_path / "npm.py"  # as a Node that Python runs
    npm.write_text(f"print({json.dumps(report)!r}); raise SystemExit(1)")
    monkeypatch.setattr(commands, "find_node", lambda: node.Node(Path(sys.executable), npm))
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    (check,) = commands.CHECKS
    assert check in checks.chosen(checks.Tests.NONE)
    assert CliRunner().invoke(commands.cli, ["audit"]).exit_code == check.skipped  # no lock file
    (tmp_path / "web").mkdir()
    (tmp_path / "web/package-lock.json").touch()
    done = CliRunner().invoke(commands.cli, ["audit"])
    codes = {0: Outcome.PASSED, check.skipped: Outcome.SKIPPED}
    assert codes.get(done.exit_code, Outcome.FAILED) is outcome
    assert ("tea" in done.output) is (outcome is Outcome.FAILED)
