"""Features written on the spot, beside the project's own, and a database to migrate."""

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

import app.features
from app.core.migrations import commands, log, state
from app.core.models import metadata
from app.core.settings import load_settings

MODELS = '''
from sqlmodel import Field

from app.core.models import Model


class {kind}(Model, table=True):
    __tablename__ = "{table}"

    id: int = Field(primary_key=True)
    label: str = Field(max_length=40)
'''

MIGRATION = '''
"""{revision}."""

import sqlalchemy as sa
from alembic import op

from app.core.migrations.protect import protect
from app.core.models import SCHEMA

revision = "{revision}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {needs!r}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down_code}
'''


class Workshop:
    """The settings' database, and a folder whose packages are features as those in `app`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def feature(self, name: str, *, models: bool = False) -> Path:
        """Make a feature, with one table of its name if `models`; return its folder."""
        path = self.folder / name
        path.mkdir()
        (path / "__init__.py").touch()
        if models:
            code = MODELS.format(kind=name.title(), table=name)
            (path / "models.py").write_text(code)
        importlib.invalidate_caches()
        return path

    def migration(
        self,
        feature: str,
        revision: str,
        *,
        after: str | None = None,
        up: str | None = None,
        down: str | None = None,
        needs: tuple[str, ...] = ("core_0001",),
    ) -> None:
        """Write a migration; by default the first one makes a table of the feature's name."""
        folder = self.folder / feature / "migrations"
        folder.mkdir(exist_ok=True)
        table = f'op.create_table("{feature}", sa.Column("id", sa.Integer()), schema=SCHEMA)'
        up = up or f'{table}\nprotect("{feature}")'
        down = down or f'op.drop_table("{feature}", schema=SCHEMA)'
        code = MIGRATION.format(
            revision=revision,
            down=after,
            labels=None if after else (feature,),
            needs=None if after else needs,
            up=textwrap.indent(up, "    "),
            down_code=textwrap.indent(down, "    "),
        )
        (folder / f"{revision}.py").write_text(code.lstrip())
        state.revisions.cache_clear()

    def version_rows(self) -> set[str]:
        """What Alembic's own table says."""
        with self.connected() as connection:
            return set(connection.scalars(log.VERSIONS.select()))

    def logged(self) -> set[str]:
        """The revisions in the log."""
        with self.connected() as connection:
            return {entry.revision for entry in log.entries(connection)}

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose work is committed."""
        with commands.migration_engine() as engine, engine.begin() as connection:
            yield connection


@contextmanager
def open_workshop(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Point the settings to the database, and leave no trace of the features afterwards."""
    tables = set(metadata.tables)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(app.features, "__path__", [*app.features.__path__, str(folder)])
    load_settings.cache_clear()
    try:
        yield Workshop(folder)
    finally:
        load_settings.cache_clear()
        for name in set(metadata.tables) - tables:
            metadata.remove(metadata.tables[name])
        for path in folder.iterdir():
            dotted = f"app.features.{path.name}"
            for module in [m for m in sys.modules if m == dotted or m.startswith(f"{dotted}.")]:
                del sys.modules[module]
