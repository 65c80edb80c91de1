"""Commands that run outside the environment of this repository."""

import os
import subprocess
from pathlib import Path


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command and return its standard output.

    Raises:
        AssertionError: the exit code is not 0; the message holds the output and the errors.
    """
    result = attempt(command, folder, **environment)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def attempt(
    command: list[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail, and capture its output."""
    variables = outside() | environment
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def outside() -> dict[str, str]:
    """The environment variables of this process, without its virtual environment and pytest.

    A project would install into the virtual environment, and an inner pytest would take itself for
    a worker of the outer one.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name != "VIRTUAL_ENV" and not name.startswith("PYTEST_")
    }
