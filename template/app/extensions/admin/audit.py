"""The audit log: who changed which row on the site, from which address, and its values.

A session of the site records its changes itself, right before it flushes them. A change and its
entry are therefore committed together or not at all. SQLAdmin's own audit backend is not used,
because it is called after the commit. Statements that change rows without loading them are not
recorded: the caller uses a service that loads the rows, or calls `record`.
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
from app.core.tasks.models import TaskRecord
from app.extensions.admin.models import AuditEntry
from app.extensions.admin.redaction import redact


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Who makes the current request, and the named action that it performs, if any."""

    actor_id: UUID
    actor_email: str | None
    address: str
    action: str | None = None
    reason: str | None = None


current: ContextVar[AuditContext] = ContextVar("admin_audit")


@contextmanager
def named_action(action: str, reason: str | None = None) -> Iterator[None]:
    """Record the changes within the block under the name of an action, with its reason."""
    token = current.set(replace(current.get(), action=action, reason=reason))
    try:
        yield
    finally:
        current.reset(token)


def record(
    session: AsyncSession | Session,
    action: str,
    *,
    subject: str | None = None,
    subject_id: object = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    by: AuditContext | None = None,
) -> None:
    """Add an entry to the session's transaction; `by` is by default the user of the site."""
    now = by or current.get()
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
    """Let a session record its changes, and return it."""
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
        # A new task is only a consequence of the change that is recorded.
        if isinstance(row, AuditEntry) or (action == "create" and isinstance(row, TaskRecord)):
            continue
        before, after = _values(action, row)
        state = inspect(row)
        key = state.identity or state.mapper.primary_key_from_instance(row)
        record(
            session,
            action,
            subject=table_of(type(row)),
            subject_id=";".join(map(str, key)),
            before=redact(before),
            after=redact(after),
        )


def _values(action: str, row: object) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Values before and after: of all columns, or of the changed columns in an update."""
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
