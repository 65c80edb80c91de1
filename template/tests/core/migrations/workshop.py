"""Features that a test writes next to the project's own, and a database to migrate."""

import importlib
import itertools
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Connection
from sqlalchemy.schema import DropSchema

import app.features
from app.core.database.models import SCHEMA, metadata
from app.core.features import load_models
from app.core.migrations import history, state
from app.core.migrations.connections import migration_engine
from app.core.settings import load_settings

MODELS = """
from sqlmodel import Field

from app.core.database.models import Model


class {kind}(Model, table=True):
    __tablename__ = "{table}"

    id: int = Field(primary_key=True)
    label: str = Field(max_length=40)
"""

MIGRATION = '''
"""{revision}."""

import sqlalchemy as sa
from alembic import op

from app.core.migrations.protect import protect
from app.core.database.models import SCHEMA

revision = "{revision}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {needs!r}


def upgrade() -> None:
{up}


def downgrade() -> None:
{down_code}
'''


# SQLAlchemy keeps every mapped class that exists, and fails on one that is only partly collected.
# Therefore all classes stay alive, and each has a unique name.
_numbers = itertools.count(1)
_modules: list[ModuleType] = []


class Workshop:
    """The database of the settings, and a folder whose packages are loaded as features."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "features"
        self._removed = folder / "removed"
        self.folder.mkdir()
        self._removed.mkdir()

    def feature(self, name: str, *, models: bool = False) -> Path:
        """Create a feature, with one table of its name if `models`, and return its folder."""
        path = self.folder / name
        path.mkdir()
        (path / "__init__.py").touch()
        if models:
            code = MODELS.format(kind=f"{name.title()}{next(_numbers)}", table=name)
            (path / "models.py").write_text(code)
        importlib.invalidate_caches()
        return path

    def switch_off(self, feature: str) -> None:
        """Remove the code of a feature, as an update without the option does."""
        (self.folder / feature).rename(self._removed / feature)
        state.revisions.cache_clear()

    def switch_on(self, feature: str) -> None:
        """Restore the code of a feature."""
        (self._removed / feature).rename(self.folder / feature)
        state.revisions.cache_clear()

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
        """Write a migration, by default one that creates a table of the feature's name."""
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
        """The revisions in Alembic's own table."""
        with self.connected() as connection:
            return set(connection.scalars(history.VERSION_TABLE.select()))

    def applied(self) -> set[str]:
        """The revisions in the history."""
        with self.connected() as connection:
            return {entry.revision for entry in history.entries(connection)}

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Connect, and commit at the end."""
        with migration_engine().begin() as connection:
            yield connection


@contextmanager
def open_workshop(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Empty the database, make the settings use it, and remove the features afterwards.

    Dropping the schema takes a tenth of the time of creating a database.
    """
    load_models()
    tables = set(metadata.tables)
    workshop = Workshop(folder)
    path = [*app.features.__path__, str(workshop.folder)]
    monkeypatch.setattr(app.features, "__path__", path)
    monkeypatch.setenv("DATABASE_URL", url)
    load_settings.cache_clear()
    try:
        with workshop.connected() as connection:
            connection.execute(DropSchema(SCHEMA, cascade=True, if_exists=True))
        yield workshop
    finally:
        load_settings.cache_clear()
        for name in set(metadata.tables) - tables:
            metadata.remove(metadata.tables[name])
        for feature in workshop.folder.iterdir():
            dotted = f"app.features.{feature.name}"
            ours = [name for name in sys.modules if f"{name}.".startswith(f"{dotted}.")]
            _modules.extend(sys.modules.pop(name) for name in ours)
