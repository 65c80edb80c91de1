"""Commands on the host, by the program `ssh` of this machine and with its configuration."""

import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

from app.core.cli.errors import CliError
from devstack.deploy.settings import DeploySettings

# ssh itself ends with this code if there is no connection.
NO_CONNECTION = 255


class Host:
    """The machine of `deploy.toml`."""

    def __init__(self, settings: DeploySettings) -> None:
        self.settings = settings

    def command(self, script: str, *, terminal: bool = False) -> list[str]:
        """Return the command that runs a script of the shell there, as root."""
        settings = self.settings
        wrapped = shlex.join([*(["sudo", "-n"] if settings.sudo else []), "sh", "-c", script])
        options = ["-t"] if terminal else ["-T", "-o", "BatchMode=yes"]
        # A connection that is dead is noticed within a minute.
        options += ["-o", "ServerAliveInterval=15", *settings.ssh_options]
        return ["ssh", *options, "--", settings.host, wrapped]

    def run(self, script: str, *, terminal: bool = False) -> int:
        """Run a script with this terminal's input and output, and return its exit code."""
        return _run(self.command(script, terminal=terminal))

    def send(self, script: str, data: bytes) -> int:
        """Run a script whose input is `data`, and return its exit code."""
        return _run(self.command(script), input=data)

    def pipe(self, producer: Sequence[str], script: str) -> None:
        """Run a local command with its output into a script there.

        Raises:
            CliError: the command or the script fails.
        """
        with subprocess.Popen(producer, stdout=subprocess.PIPE) as local:
            there = _run(self.command(script), stdin=local.stdout)
        if there or local.returncode:
            raise CliError(
                f"The output of `{producer[0]}` could not be copied to {self.settings.host}."
            )


def _run(command: Sequence[str], **options: Any) -> int:
    try:
        code = subprocess.run(command, check=False, **options).returncode
    except FileNotFoundError:
        raise CliError("The program `ssh` is not installed.") from None
    if code == NO_CONNECTION:
        raise CliError(
            "There is no connection by ssh, or it has ended. What has begun on the host goes on "
            "there: `uv run app deploy status` shows it."
        )
    return code
