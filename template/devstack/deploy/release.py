"""A release: a commit of the project, copied to a folder of its own on the host."""

import shlex
import subprocess
import time
from pathlib import Path

from app.core.cli.errors import CliError
from devstack.deploy.parts import parts
from devstack.deploy.settings import DeploySettings
from devstack.deploy.ssh import Host

# Not needed there. `devstack` comes as a tool for backups, where the app does not find it.
LEFT_OUT = ("devstack", "docs", "monitoring", "tests", "web")
TOOLS = "tools/"


def new_release(root: Path) -> str:
    """Return the name of the next release: the time, so that names are in order, and the commit.

    Raises:
        CliError: this is no repository with a commit, or there are changes without a commit.
    """
    commit = _git(root, "rev-parse", "--short=10", "HEAD")
    if changed := _git(root, "status", "--porcelain", "--untracked-files=no"):
        count = len(changed.splitlines())
        raise CliError(f"{count} changed files have no commit. Commit or stash them first.")
    if not _git(root, "ls-files", "uv.lock"):
        raise CliError("uv.lock has no commit: run `uv lock`, and commit the file.")
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{commit}"


def upload(root: Path, settings: DeploySettings, release: str) -> None:
    """Copy the commit, and what is built here, to the host.

    Raises:
        CliError: something cannot be built or copied.
    """
    folder = f"{settings.folder}/releases/{release}"
    exclude = [f":(exclude){name}" for name in LEFT_OUT]
    archive = ["git", "-C", str(root), "archive", "--format=tar"]
    copies = [
        ([*archive, "HEAD", "--", ".", *exclude], folder),
        ([*archive, f"--prefix={TOOLS}", "HEAD", "--", "devstack"], folder),
    ]
    for part in parts():
        if part.make:
            built = str(part.make(root))
            copies.append((["tar", "-cf", "-", "-C", built, "."], f"{folder}/{part.name}"))
    host = Host(settings)
    for producer, target in copies:
        host.pipe(producer, _extract(shlex.quote(target)))


def _extract(folder: str) -> str:
    # The processes must be able to read what is built here, whatever this machine's umask is.
    return (
        f"umask 022 && mkdir -p {folder} && tar --no-same-owner -xf - -C {folder} "
        f"&& chmod -R a+rX,go-w {folder}"
    )


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CliError(done.stderr.strip() or f"`git {arguments[0]}` has failed.")
    return done.stdout.strip()
