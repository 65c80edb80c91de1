"""`app setup`, `app clean` and `app nuke`: the checkout of a project, from new to removed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import typer

from devstack import env as environment
from devstack.errors import DevStackError
from devstack.stack import PROCESSES, modules

# What tools make again by themselves, as in .gitignore.
GENERATED = (
    "build",
    "coverage",
    "dist",
    ".coverage",
    ".coverage.*",
    "celerybeat-schedule*",
    ".hypothesis",
    ".import_linter_cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
)
# Folders that are not searched: what they hold belongs to other tools.
SKIPPED = (".git", ".venv", ".dev", "node_modules")
UV = os.environ.get("UV", "uv")  # set by `uv run`, whose program need not be on the PATH
HOOKS = (UV, "tool", "run", "prek", "install")


def setup(root: Path) -> None:
    """Write `.env`, install the packages, and add the git hooks. What is there stays as it is.

    Raises:
        DevStackError: `.env` cannot be written, or the packages cannot be installed.
    """
    written = environment.ensure_env_file(root)
    typer.echo(f".env: wrote {', '.join(written)}" if written else ".env: complete")
    if subprocess.run([UV, "sync"], cwd=root, check=False).returncode:
        raise DevStackError("The packages are not installed: see the message of uv above.")
    for module in modules(PROCESSES):
        if hasattr(module, "setup"):
            module.setup(root)
    if not (root / ".git").exists():
        typer.echo("git hooks: left out, this folder is no repository. `git init` makes one.")
    elif subprocess.run(HOOKS, cwd=root, check=False).returncode:
        typer.echo(f"git hooks: not installed. Repeat it with a network: {' '.join(HOOKS[1:])}")


def clean(root: Path) -> int:
    """Delete what tools make again by themselves, and return the number of deleted paths."""
    found = list(_generated(root))
    for path in found:
        _delete(path)
    return len(found)


def nuke(root: Path) -> None:
    """Delete what tools make, and the installed packages. The caller deletes the local data."""
    clean(root)
    if (root / ".venv").exists():
        _delete(root / ".venv")


def _generated(root: Path) -> Iterator[Path]:
    for pattern in GENERATED:
        yield from root.glob(pattern)
    for folder, names, _ in os.walk(root):
        names[:] = [name for name in names if name not in SKIPPED]
        if "__pycache__" in names:
            names.remove("__pycache__")
            yield Path(folder, "__pycache__")


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
