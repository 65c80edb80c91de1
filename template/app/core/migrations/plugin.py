"""A plugin of Alembic (`alembic.plugins` in pyproject.toml): it finds the folders of all branches.

It also refuses stock commands that would harm them, or that need the single head that is missing.

Alembic loads it in every process that imports Alembic. Commands such as `alembic heads` do not run
env.py, and alembic.ini cannot name the folders: those of features come and go.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.plugins import Plugin
    from alembic.script import ScriptDirectory


def setup(_: "Plugin") -> None:
    """Make every script directory contain all branches."""
    # Alembic is only partly imported when it loads this module.
    from alembic.script import ScriptDirectory

    from_config = ScriptDirectory.from_config

    def with_branches(config: "Config") -> "ScriptDirectory":
        # Imports the features, so not before a script directory is needed.
        from app.core.migrations.branches import branches

        _refuse(config)
        directory = from_config(config)
        directory.version_locations = [str(path) for path in branches().values()]
        return directory

    ScriptDirectory.from_config = with_branches  # type: ignore[method-assign]


def _refuse(config: "Config") -> None:
    """Check what the stock command was asked for; `app db` sets no command.

    Raises:
        CommandError: the message names the command to use.
    """
    from alembic.util import CommandError

    asked = vars(config.cmd_opts) if config.cmd_opts else {}
    if "cmd" not in asked:
        return
    match asked["cmd"][0].__name__:
        case "downgrade":
            raise CommandError(
                "This may delete the data of every feature. Use "
                "`uv run app db downgrade --feature NAME`, which lists the migrations and asks."
            )
        case "merge":
            raise CommandError(
                "The heads belong to different features. Use "
                "`uv run app db merge --feature NAME`, which merges two heads of one feature."
            )
        case "revision":
            names = [asked["head"] or "head"]
        case _:
            names = [asked.get("rev"), asked.get("revision"), *asked.get("revisions", ())]
    if "head" in names:
        raise CommandError(
            "There is no single head: each feature has a branch. Write `heads`, or use "
            "`uv run app db upgrade`, `uv run app db show NAME` or "
            '`uv run app db migrate --feature NAME -m "…"`.'
        )
