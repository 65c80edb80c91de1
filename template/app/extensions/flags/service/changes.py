"""Changes flags. Every process knows a change after FLAGS_CACHE_SECONDS, this one at once."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.extensions.flags.models import Kind, overrides, states
from app.extensions.flags.service.declarations import declared
from app.extensions.flags.service.evaluation import is_local
from app.extensions.flags.snapshot import SNAPSHOTS

ALL = 100
DIGITS = 3  # of a percentage


async def set_percentage(session: AsyncSession, name: str, percentage: int | None) -> None:
    """Switch a flag on for a share of the users; None means the default. Commits.

    It also ends `switch_off`.

    Raises:
        NotFoundError: `flag_not_found`, no feature declares the flag.
        ConflictError: `flags_elsewhere`, FLAGS_PROVIDER names another place.
        InvalidError: `invalid_percentage`, it is not between 0 and 100.
    """
    if percentage is not None and not 0 <= percentage <= ALL:
        raise InvalidError("A percentage is between 0 and 100.", code="invalid_percentage")
    await _save(session, name, killed=False, percentage=percentage)


def read_percentage(text: str) -> int:
    """Return the percentage that somebody typed.

    Raises:
        InvalidError: `invalid_percentage`, it is no number or has too many digits.
    """
    # `int` raises an error of its own for a text of thousands of digits.
    if not text.isdecimal() or len(text) > DIGITS:
        raise InvalidError("A percentage is between 0 and 100.", code="invalid_percentage")
    return int(text)


async def switch_off(session: AsyncSession, name: str) -> None:
    """Switch a flag off for everybody, and keep its percentage and exceptions. Commits.

    Raises:
        NotFoundError, ConflictError: see `set_percentage`.
    """
    await _save(session, name, killed=True)


async def set_override(
    session: AsyncSession,
    name: str,
    kind: Kind,
    subject_id: UUID,
    value: bool | None,  # noqa: FBT001 - the third value is None
) -> None:
    """Set the value of a flag for one user or group; None removes it. Commits.

    Raises:
        NotFoundError, ConflictError: see `set_percentage`.
    """
    _check(name)
    key = {"name": name, "kind": kind, "subject_id": subject_id}
    if value is None:
        matches = (overrides.c[column] == part for column, part in key.items())
        await session.exec(delete(overrides).where(*matches))
    else:
        values = {"value": value, "updated_at": utcnow()}
        statement = insert(overrides).values(**key, **values)
        await session.exec(statement.on_conflict_do_update(index_elements=[*key], set_=values))
    await session.commit()
    SNAPSHOTS.evict()


async def forget_group(session: AsyncSession, group_id: UUID) -> None:
    """Remove all exceptions for a group that does not exist any more. Does not commit."""
    matches = overrides.c.kind == Kind.GROUP, overrides.c.subject_id == group_id
    await session.exec(delete(overrides).where(*matches))


async def _save(session: AsyncSession, name: str, **values: Any) -> None:
    _check(name)
    values["updated_at"] = utcnow()
    statement = insert(states).values(name=name, **values)
    await session.exec(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    await session.commit()
    SNAPSHOTS.evict()


def _check(name: str) -> None:
    if name not in declared():
        raise NotFoundError(f"There is no flag {name}.", code="flag_not_found")
    if not is_local():
        raise ConflictError("PostHog decides about flags here.", code="flags_elsewhere")
