"""The command line: `uv run app …`."""

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import typer
from typer.core import CompletionItem, TyperGroup  # type: ignore[attr-defined]
from typer.main import get_group

from app.core.cli import errors, logs
from app.core.features import features
from app.core.process import process

COMMANDS = {
    **dict.fromkeys(("worker", "beat"), "app.core.cli.processes"),
    "doctor": "app.core.cli.doctor",
    "console": "app.core.cli.console",
    **dict.fromkeys(("routes", "openapi"), "app.core.cli.api"),
}
GROUPS = {name: f"app.core.cli.{name}" for name in ("db", "feature", "storage")}
DEV_COMMANDS = dict.fromkeys(
    ("api-diff", "ci", "clean", "dev", "nuke", "release-check", "setup", "token"), "devstack.cli"
)
# Two groups of core with further commands, and one of its own.
DEV_GROUPS = {
    "db": "devstack.migrations",
    "feature": "devstack.features",
    "secrets": "devstack.secrets.cli",
}

# Reads the name of a feature's group from its file, because an import takes long.
GROUP_NAME = re.compile(r"""^cli = typer\.Typer\([^)]*?\bname=["']([^"']+)""", re.MULTILINE)


class Commands(Mapping[str, Any]):
    """The commands by name. A module is imported when it is needed: all together take seconds."""

    def __init__(self) -> None:
        # The image does not contain the dev stack: see the Dockerfile.
        self.has_dev = importlib.util.find_spec("devstack") is not None
        self.commands = COMMANDS | (DEV_COMMANDS if self.has_dev else {})
        self.groups: dict[str, Callable[[], ModuleType | None]] = {}
        for feature in features():
            for file in (feature.path / "cli.py", feature.path / "cli" / "__init__.py"):
                if file.exists():
                    found = GROUP_NAME.search(file.read_text("utf-8"))
                    name = found[1] if found else feature.name
                    self.groups[name] = partial(feature.module, "cli")
        groups = GROUPS | (DEV_GROUPS | _dev_groups() if self.has_dev else {})
        for name, module in groups.items():
            self.groups[name] = partial(importlib.import_module, module)

    def __getitem__(self, name: str) -> Any:
        if name in self.commands:
            return get_group(importlib.import_module(self.commands[name]).cli).commands[name]
        module: Any = self.groups[name]()
        if self.has_dev and importlib.util.find_spec(f"devstack.commands.{name}"):
            importlib.import_module(f"devstack.commands.{name}")
        group = get_group(module.cli)
        group.name = name
        return group

    def __iter__(self) -> Iterator[str]:
        yield from self.commands
        yield from self.groups

    def __len__(self) -> int:
        return len(self.commands) + len(self.groups)


def _dev_groups() -> dict[str, str]:
    """Groups that only a checkout has. The other modules there add to the group of a feature."""
    spec = importlib.util.find_spec("devstack.commands")
    folders = map(Path, (spec and spec.submodule_search_locations) or ())
    return {
        file.stem: f"devstack.commands.{file.stem}"
        for folder in folders
        for file in folder.glob("*.py")
        if GROUP_NAME.search(file.read_text("utf-8"))
    }


class Root(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": Commands()})

    def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
        """Complete a name without its help, which would import every command."""
        names = [CompletionItem(name) for name in self.commands if name.startswith(incomplete)]
        return names or super().shell_complete(ctx, incomplete)


def main() -> None:
    """Run the command line."""
    errors.run(lambda: build()())


def build() -> typer.Typer:
    """Collect the commands of core, of the features and of the dev stack."""
    app = typer.Typer(name="app", cls=Root, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def root(context: typer.Context) -> None:
        """All commands of this backend."""
        name = context.invoked_subcommand or ""
        command = cast("TyperGroup", context.command).commands[name]
        # A command of a group does its work and ends. The others serve, such as `app worker`, or
        # only report.
        if getattr(command, "commands", None):
            logs.configure()
            context.with_resource(process("command", name))

    return app
