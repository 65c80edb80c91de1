"""Entries become invalid when the session commits that changed something, and not before.

A tag that is the name of a table, and stands in the `cache.py` of a feature, is invalidated by
every commit of a statement that changes the table. SQL as text is not noticed.
"""

from functools import cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.compiled import after_change
from app.core.features import load
from app.core.settings import load_settings
from app.extensions.cache.settings import CacheSettings
from app.extensions.cache.store import STORE_OF_PROCESS

_TAGS = "cache_tags"  # of a session: the tags that its commit invalidates


def invalidate(session: AsyncSession | Session, *tags: str) -> None:
    """Make the entries with these tags invalid after the commit of the session.

    If the session rolls back, nothing happens. While Redis does not answer, the entries of these
    tags stay in it. No process of this API reads them before it has made them invalid.
    """
    session.info.setdefault(_TAGS, set()).update(tags)


@cache
def watched_tables() -> frozenset[str]:
    """The tags in the `cache.py` of the features, some of which are names of tables."""
    return frozenset(
        tag
        for _, module in load("cache")
        for options in getattr(module, "CACHED", {}).values()
        for tag in options.tags
    )


@event.listens_for(Session, "after_begin")
def _remember_session(session: Session, _: SessionTransaction, connection: Any) -> None:
    connection.info["session_info"] = session.info


@event.listens_for(Engine, "after_execute")
def _notice_change(connection: Any, statement: Any, *_: Any) -> None:
    if getattr(statement, "is_dml", False):
        _notice_table(connection, statement.table)


def _notice_table(connection: Any, table: Any) -> None:
    info = connection.info.get("session_info")
    if info is not None and table.name in watched_tables():
        info.setdefault(_TAGS, set()).add(table.name)


after_change.append(_notice_table)


@event.listens_for(Session, "after_commit")
def _after_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint
    tags = session.info.pop(_TAGS, None)
    if not tags or not load_settings(CacheSettings).enabled:
        return
    if in_greenlet():  # a session of asyncio
        await_only(STORE_OF_PROCESS.invalidate(tags))
    else:
        STORE_OF_PROCESS.invalidate_blocking(tags)


@event.listens_for(Session, "after_rollback")
def _after_rollback(session: Session) -> None:
    # After a savepoint, the session may still commit what it did before.
    if not session.in_nested_transaction():
        session.info.pop(_TAGS, None)
