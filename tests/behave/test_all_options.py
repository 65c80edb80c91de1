"""The dev stack of a project with every option."""

import re
import shutil
from pathlib import Path

import httpx
import pytest

from support.commands import run
from support.examples import blocks
from support.plugins.variants import EVERYTHING
from support.stack import DevStack

pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


def test_flower_asks_for_a_sign_in(stack: DevStack) -> None:
    settings = (stack.project / ".env").read_text("utf-8")
    env = dict(re.findall(r"^(\w+)=(.+)$", settings, re.MULTILINE))
    log = stack.log.read_text("utf-8")
    (address,) = re.findall(r"│ Flower +│ (http\S+)", log)
    assert env["FLOWER_PASSWORD"] in log
    with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
        client.get(f"{address}/healthcheck")
        workers = f"{address}/api/workers"
        assert client.get(workers).status_code == 401
        sign_in = (env["FLOWER_USER"], env["FLOWER_PASSWORD"])
        assert client.get(workers, auth=sign_in).status_code == 200


def test_schedules_are_changed_as_the_page_on_tasks_shows(stack: DevStack) -> None:
    block = next(code for code in blocks("tasks.md", "sh") if "schedule add" in code)
    run(["bash", "-euo", "pipefail", "-c", block], stack.project)
    listed = run(["uv", "run", "-q", "app", "schedule", "list"], stack.project, COLUMNS="200")
    names = {line.split()[0] for line in listed.splitlines()[1:]}
    assert {"core.heartbeat", "items.report", "weekly-report"} <= names
    assert "often" not in names


def test_a_feature_of_organizations_keeps_them_apart(stack: DevStack, tmp_path: Path) -> None:
    """Its own tests, and those of the option, which cover it without knowing it."""
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns(".venv", ".dev", ".git", "__pycache__")
    shutil.copytree(stack.project, project, ignore=ignored)
    python, path = str(stack.project / ".venv/bin/python"), {"PYTHONPATH": str(project)}
    run(
        [python, "-m", "app", "feature", "new", "shipments", "--scope", "organization"],
        project,
        **path,
    )
    crossing = [f"tests/extensions/organizations/test_{name}.py" for name in ("crossing", "tables")]
    run([python, "-m", "pytest", "-q", "tests/features/shipments", *crossing], project, **path)
