"""Sample rows for development and staging: `app db seed` runs the `seeds.py` of each feature."""

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from uuid import UUID, uuid5

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import Model
from app.core.features import Feature, installed, load
from app.core.settings import FeatureSettings

# The keys of sample rows are made from names in this namespace.
_NAMESPACE = UUID("6b3f1c1e-6a0c-5b52-9c54-0d3a9b0f1e77")


class SeedSettings(FeatureSettings):
    """The user for whom `app dev` creates an account."""

    demo_user_email: str | None = None
    """Address of the user whom sample rows belong to."""


@dataclass
class Seeder:
    """What the `seed` of a feature gets."""

    session: AsyncSession
    email: str
    """Address of the user whom the rows belong to."""
    added: int = 0

    @staticmethod
    def key(*parts: object) -> UUID:
        """Return the key of a row: the same parts give the same key at every run."""
        return uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts))

    async def add(self, *rows: Model) -> None:
        """Insert the rows that are not there. Rows that are there keep all their values.

        A row is there if its key is taken, or another value that must be unique.
        """
        for row in rows:
            attributes = inspect(type(row)).column_attrs
            values = {each.columns[0].key: getattr(row, each.key) for each in attributes}
            given = {name: value for name, value in values.items() if value is not None}
            statement = insert(type(row)).values(given).on_conflict_do_nothing()
            result = await (await self.session.connection()).execute(statement)
            self.added += result.rowcount


Seed = Callable[[Seeder], Awaitable[None]]


async def run_seeds(session: AsyncSession, email: str) -> AsyncIterator[tuple[Feature, int]]:
    """Run the seeds of all features, and yield how many rows each has added. Commits each.

    A feature comes after those that its `USES` names.
    """
    seeds: dict[str, tuple[Feature, Seed]] = {
        feature.name: (feature, work) for feature, work in load("seeds")
    }
    uses = {each.name: _used_by(each) for each in installed()}
    for name in TopologicalSorter(uses).static_order():
        if name in seeds:
            feature, work = seeds[name]
            seeder = Seeder(session, email)
            await work(seeder)
            await session.commit()
            yield feature, seeder.added


def _used_by(feature: Feature) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(importlib.import_module(feature.package), "USES", ())
    return found
