"""The linters of the files that are not Python, each with one fault that it has to find."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(sys.executable).parent

YAMLLINT = json.dumps(
    {
        "extends": "default",
        "rules": {
            # Commands and messages are longer. GitHub's key `on` reads as a boolean.
            "line-length": "disable",
            "document-start": "disable",
            "truthy": {"check-keys": False},
            "comments": {"min-spaces-from-content": 1},
        },
    }
)


@dataclass(frozen=True)
class Linter:
    """A linter, the file it reads, and a replacement in that file that it has to reject."""

    command: tuple[str, ...]
    file: str
    good: str
    bad: str

    def run(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the linter on the file below `folder`; an exit code other than 0 is a finding."""
        program, *arguments = self.command
        return subprocess.run(
            [TOOLS / program, *arguments, self.file],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


CI = ".github/workflows/ci.yml"
UPDATE = ".github/workflows/template-update.yml"
DEPENDABOT = ".github/dependabot.yml"
HOOKS = ".pre-commit-config.yaml"
ACTIONLINT = ("actionlint", "-shellcheck", str(TOOLS / "shellcheck"))
ZIZMOR = ("zizmor", "--offline", "--no-progress", "--persona", "auditor")


def schema(name: str) -> tuple[str, ...]:
    return ("check-jsonschema", "--builtin-schema", name)


def yamllint() -> tuple[str, ...]:
    return ("yamllint", "--strict", "-d", YAMLLINT)


LINTERS = {
    "hadolint": Linter(
        ("hadolint", "--failure-threshold", "style"), "Dockerfile", "-slim-trixie", ":latest"
    ),
    "actionlint-ci": Linter(ACTIONLINT, CI, "github.event_name", "github.no_such_name"),
    "actionlint-ci-shell": Linter(
        ACTIONLINT, CI, "sudo apt-get update --quiet\n", "cd $x; sudo apt-get update --quiet\n"
    ),
    "actionlint-update": Linter(ACTIONLINT, UPDATE, "runs-on:", "runs-no:"),
    "zizmor-ci": Linter(ZIZMOR, CI, "persist-credentials: false", "persist-credentials: true"),
    "zizmor-update": Linter(ZIZMOR, UPDATE, "permissions: {}", "permissions: write-all"),
    "zizmor-dependabot": Linter(ZIZMOR, DEPENDABOT, "default-days: 7", "default-days: 0"),
    "schema-compose": Linter(
        schema("vendor.compose-spec"), "compose.yaml", "read_only: true", "read_only: [yes]"
    ),
    "schema-ci": Linter(schema("vendor.github-workflows"), CI, "runs-on:", "runs-no:"),
    "timeouts-ci": Linter(
        schema("custom.github-workflows-require-timeout"), CI, "timeout-minutes: 10", ""
    ),
    "timeouts-update": Linter(
        schema("custom.github-workflows-require-timeout"), UPDATE, "timeout-minutes: 10", ""
    ),
    "schema-update": Linter(schema("vendor.github-workflows"), UPDATE, "steps:", "stairs:"),
    "schema-dependabot": Linter(
        schema("vendor.dependabot"), DEPENDABOT, "interval: weekly", "interval: sometimes"
    ),
    "yamllint-compose": Linter(yamllint(), "compose.yaml", "services:", "services: \n\n\n\n"),
    "yamllint-ci": Linter(yamllint(), CI, "name: CI", "name: CI\nname: CI"),
    "yamllint-hooks": Linter(yamllint(), HOOKS, "repos:", "repos:  "),
    "prek": Linter(("prek", "validate-config"), HOOKS, "hooks:", "hocks:"),
    "just": Linter(
        ("just", "--summary", "--justfile"), "justfile", "check:\n    uv", "check: lnt\n    uv"
    ),
}


def output_of(result: subprocess.CompletedProcess[str]) -> str:
    return f"{result.stdout}\n{result.stderr}".strip()
