"""Commands on the host, by the program `ssh` of this machine and with its configuration."""

import shlex
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

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
        return _code(subprocess.run(self.command(script, terminal=terminal), check=False))

    def send(self, script: str, data: bytes) -> int:
        """Run a script whose input is `data`, and return its exit code."""
        return _code(subprocess.run(self.command(script), input=data, check=False))

    def pipe(self, producers: Iterable[Sequence[str]], script: str, folder: Path) -> None:
        """Run local commands one after the other, each with its output into a script there.

        Raises:
            CliError: a command or the script fails.
        """
        for producer in producers:
            with subprocess.Popen(producer, cwd=folder, stdout=subprocess.PIPE) as local:
                source: IO[bytes] | None = local.stdout
                there = subprocess.run(self.command(script), stdin=source, check=False)
                if source:
                    source.close()
            if _code(there) or local.returncode:
                raise CliError(f"`{producer[0]}` could not be copied to {self.settings.host}.")


def _code(done: "subprocess.CompletedProcess[bytes]") -> int:
    if done.returncode == NO_CONNECTION:
        raise CliError(
            "There is no connection by ssh, or it has ended. What has begun on the host goes on "
            "there: `uv run app deploy status` shows it."
        )
    return done.returncode
