"""The workflows of this repository: linters, and commands that run on any machine."""

import re
import subprocess

import pytest
import yaml

from support.checks.linters import ACTIONLINT, TOOLS, ZIZMOR, output_of, schema, yamllint
from support.snapshot import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COMMANDS = {
    "actionlint": ACTIONLINT,
    "zizmor": ZIZMOR,
    "yamllint": yamllint(),
    "schema": schema("vendor.github-workflows"),
    "timeouts": schema("custom.github-workflows-require-timeout"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_workflows_pass_the_linters(name: str) -> None:
    program, *arguments = COMMANDS[name]
    result = subprocess.run(
        [TOOLS / program, *arguments, *WORKFLOWS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, output_of(result)


def test_workflows_run_scripts_of_the_repository() -> None:
    assert {path.stem for path in WORKFLOWS} == {"ci", "nightly"}
    for path in WORKFLOWS:
        commands = re.findall(r"run: (\.ci/\w+)", path.read_text("utf-8"))
        assert commands
        assert all((ROOT / command).stat().st_mode & 0o111 for command in commands)


def test_workflow_script_and_documentation_have_the_same_nightly_parts() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text("utf-8"))
    script = (ROOT / ".ci/nightly").read_text("utf-8")
    parts = workflow["jobs"]["test"]["strategy"]["matrix"]["part"]
    assert parts == re.findall(r"^  (\w+)\)", script, re.MULTILINE)
    page = (ROOT / "docs/architecture-template.md").read_text("utf-8")
    assert parts == re.findall(r"^\.ci/nightly (\w+)", page, re.MULTILINE)
