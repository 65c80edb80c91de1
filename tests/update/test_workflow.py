"""The commands of a project's workflow `template-update.yml`, run by bash as in GitHub Actions."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import run
from support.editing import append
from support.snapshot import ROOT, commit
from support.versions import NEW, old_project, two_versions

JOBS: dict[str, Any] = yaml.safe_load(
    (ROOT / "template/.github/workflows/template-update.yml").read_text("utf-8")
)["jobs"]
VERSION = NEW.removeprefix("v")
BRANCH = f"template-update-{VERSION}"


def step(job: str, name: str) -> str:
    (found,) = [each["run"] for each in JOBS[job]["steps"] if each.get("name", "").startswith(name)]
    assert "${{" not in found  # values come from the environment
    return str(found)


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Path:
    """A project whose older version has a remote, and whose template changes a workflow too."""
    versions = two_versions(template, tmp_path / "template")
    project = old_project(versions, tmp_path / "shop")
    append(versions / "template/.github/workflows/ci.yml.jinja", "# Theirs.\n")
    commit(versions, "Change CI", NEW)
    run(["git", "init", "--quiet", "--bare", str(tmp_path / "remote")], tmp_path)
    run(["git", "remote", "add", "origin", str(tmp_path / "remote")], project)
    run(["git", "push", "--quiet", "origin", "main"], project)
    return project


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("jq") is None, reason="apt-get install jq")
def test_workflow_pushes_the_update_and_opens_a_pull_request(
    checkout: Path, tmp_path: Path
) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "gh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/gh.log\n')
    (fake / "gh").chmod(0o755)
    variables = {
        "PATH": f"{fake}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "VERSION": VERSION,
    }

    def bash(job: str, name: str, folder: Path) -> None:
        run(["bash", "-e", "-c", step(job, name)], folder, **variables)

    bash("update", "Look", checkout)
    assert (tmp_path / "output").read_text() == f"version={VERSION}\n"
    bash("update", "Update", checkout)

    # The second job starts from a checkout of its own.
    writer = tmp_path / "writer"
    run(["git", "clone", "--quiet", str(tmp_path / "remote"), str(writer)], tmp_path)
    bash("open", "Push", writer)

    pushed = run(["git", "diff", "--name-only", "origin/main", f"origin/{BRANCH}"], writer)
    assert {"app/core/added.py", "app/main.py", "Procfile", "uv.lock"} <= set(pushed.split())
    assert ".github" not in pushed
    body = (tmp_path / "result/body.md").read_text("utf-8")
    assert "users_9999" in body
    assert "+# Theirs." in body.partition("## Apply by hand")[2]
    calls = (tmp_path / "gh.log").read_text().splitlines()
    assert [call.split()[0:2] for call in calls] == [
        ["auth", "setup-git"],
        ["pr", "create"],
        ["workflow", "run"],
    ]
    assert f"--head {BRANCH}" in calls[1]
    assert calls[2].endswith(f"ci.yml --ref {BRANCH}")

    (tmp_path / "output").unlink()
    bash("update", "Look", checkout)  # the branch exists: nothing to do
    assert not (tmp_path / "output").exists()


def test_only_the_job_that_runs_no_code_of_the_template_may_write() -> None:
    assert JOBS["update"]["permissions"] == {"contents": "read"}
    assert "uv" not in {word for each in JOBS["open"]["steps"] for word in str(each).split()}
    ours = {"actions", "astral-sh"}
    used = [each["uses"] for job in JOBS.values() for each in job["steps"] if "uses" in each]
    assert {name.partition("/")[0] for name in used} == ours
