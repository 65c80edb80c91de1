"""Features written on the spot, beside the project's own, and a database to migrate."""

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


# SQLAlchemy never forgets a mapped class while it lives, and stumbles over a half-collected one:
# all stay alive, each with a name of its own.
_numbers = itertools.count(1)
_modules: list[ModuleType] = []


class Workshop:
    """The settings' database, and a folder whose packages are features as those in `app`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "features"
        self._shelf = folder / "shelf"
        self.folder.mkdir()
        self._shelf.mkdir()

    def feature(self, name: str, *, models: bool = False) -> Path:
        """Make a feature, with one table of its name if `models`; return its folder."""
        path = self.folder / name
        path.mkdir()
        (path / "__init__.py").touch()
        if models:
            code = MODELS.format(kind=f"{name.title()}{next(_numbers)}", table=name)
            (path / "models.py").write_text(code)
        importlib.invalidate_caches()
        return path

    def switch_off(self, feature: str) -> None:
        """Take a feature's code away, as an update without the option does."""
        (self.folder / feature).rename(self._shelf / feature)
        state.revisions.cache_clear()

    def switch_on(self, feature: str) -> None:
        """Bring the code back."""
        (self._shelf / feature).rename(self.folder / feature)
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
            return set(connection.scalars(history.VERSION_TABLE.select()))

    def applied(self) -> set[str]:
        """The revisions in the history."""
        with self.connected() as connection:
            return {entry.revision for entry in history.entries(connection)}

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose work is committed."""
        with migration_engine().begin() as connection:
            yield connection


@contextmanager
def open_workshop(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Point the settings to the database, emptied, and leave no trace of the features afterwards.

    Dropping the schema takes a tenth of the time that a database of its own would.
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
