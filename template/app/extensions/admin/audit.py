"""The audit log: who did what on the site, from where, and what a row was before and after.

Changes write themselves: whatever a session of the site is about to flush is recorded by the same
session, so that a change and its entry are stored together or not at all. Statements that change
rows without loading them pass by; services that the site calls load them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, class_mapper
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.extensions.admin.models import AuditEntry
from app.extensions.admin.secrecy import masked


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who acts in this request, and what they are doing, if it has a name and a reason."""

    actor_id: UUID
    actor_email: str | None
    address: str
    action: str | None = None
    reason: str | None = None


circumstances: ContextVar[Circumstances] = ContextVar("admin_circumstances")


@contextmanager
def doing(action: str, reason: str | None = None) -> Iterator[None]:
    """Record what is changed within by the name of an action, with its reason."""
    token = circumstances.set(replace(circumstances.get(), action=action, reason=reason))
    try:
        yield
    finally:
        circumstances.reset(token)


def record(
    session: AsyncSession | Session,
    action: str,
    *,
    subject: str | None = None,
    subject_id: object = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the session's transaction."""
    now = circumstances.get()
    session.add(
        AuditEntry(
            actor_id=now.actor_id,
            actor_email=now.actor_email,
            action=now.action or action,
            subject=subject,
            subject_id=str(subject_id)[:200] if subject_id is not None else None,
            reason=now.reason,
            before=before,
            after=after,
            request_id=context.request_id.get(),
            address=now.address[:64],
        )
    )


def watch(session: AsyncSession) -> AsyncSession:
    """Have a session record what it changes."""
    event.listen(session.sync_session, "before_flush", _record_changes)
    return session


def table_of(model: type) -> str:
    """The name of a model's table."""
    table: Any = class_mapper(model).local_table
    return str(table.name)


def _record_changes(session: Session, *_: object) -> None:
    changes = [
        *(("create", row) for row in session.new),
        *(("update", row) for row in session.dirty if session.is_modified(row)),
        *(("delete", row) for row in session.deleted),
    ]
    for action, row in changes:
        if isinstance(row, AuditEntry):
            continue
        before, after = _difference(action, row)
        state = inspect(row)
        key = state.identity or state.mapper.primary_key_from_instance(row)
        record(
            session,
            action,
            subject=table_of(type(row)),
            subject_id=";".join(map(str, key)),
            before=masked(before),
            after=masked(after),
        )


def _difference(action: str, row: object) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Columns before and after: all of a row that comes or goes, else those that change."""
    state: Any = inspect(row)
    columns = [state.attrs[attribute.key] for attribute in state.mapper.column_attrs]
    if action == "create":
        return None, {column.key: column.value for column in columns}
    if action == "delete":
        return {column.key: column.value for column in columns}, None
    changed = [column for column in columns if column.history.has_changes()]
    return (
        {column.key: next(iter(column.history.deleted or ()), None) for column in changed},
        {column.key: column.value for column in changed},
    )
