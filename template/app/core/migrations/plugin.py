"""A plugin of Alembic (`alembic.plugins` in pyproject.toml): it finds the folders of all branches.

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

        directory = from_config(config)
        directory.version_locations = [str(path) for path in branches().values()]
        return directory

    ScriptDirectory.from_config = with_branches  # type: ignore[method-assign]
