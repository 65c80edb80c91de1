"""The rules: the owner of a task and admins may see and cancel it.

`owner` says whose tasks a function may touch: those of one user, or those of EVERYONE, for admins
and for operators at a terminal.
"""

from typing import assert_never
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.http.lists import EVERYONE, Everyone, Listing
from app.core.http.pagination import KeysetPage
from app.core.tasks import records
from app.core.tasks.models import UNFINISHED, TaskRecord, TaskState
from app.core.tasks.outbox import requeue
from app.extensions.tasks.schemas import TaskDetails, TaskQuery, TaskRead
from app.extensions.users.schemas import UserRead

OWN_TASKS = Listing(
    TaskRecord, TaskRead, scope=TaskRecord.owner_id, filters={"state": TaskRecord.state}
)
ALL_TASKS = Listing(TaskRecord, TaskRead, scope=EVERYONE, filters={"state": TaskRecord.state})
TASKS_FOR_OPERATORS = Listing(
    TaskRecord, TaskDetails, scope=EVERYONE, filters={"state": TaskRecord.state}
)


def visible_to(user: UserRead) -> UUID | Everyone:
    """Return whose tasks a user may see and cancel."""
    return EVERYONE if user.is_admin else user.id


async def get_task(
    session: AsyncSession, owner: UUID | Everyone, task_id: UUID, *, lock: bool = False
) -> TaskRecord:
    """Return a task.

    Raises:
        NotFoundError: there is no such task, or it has another owner.
    """
    # A lock without `populate_existing` would return what the session has read before.
    task = await session.get(
        TaskRecord, task_id, with_for_update=lock or None, populate_existing=lock
    )
    if task is None or not _has_owner(task, owner):
        raise NotFoundError("There is no such task.", code="task_not_found")
    return task


async def list_tasks(reader: Reader, viewer: UserRead, query: TaskQuery) -> KeysetPage[TaskRead]:
    """Return a page of the viewer's tasks, or of all users' if an admin asks for them.

    Raises:
        ForbiddenError: only admins see the tasks of all users.
        InvalidError: the cursor is not of this list.
    """
    if not query.everybody:
        return await OWN_TASKS.page(reader, query, owner_id=viewer.id)
    if not viewer.is_admin:
        raise ForbiddenError("Only admins see the tasks of all users.", code="role_required")
    return await ALL_TASKS.page(reader, query)


async def cancel_task(session: AsyncSession, owner: UUID | Everyone, task_id: UUID) -> TaskRecord:
    """Cancel a task, see `stop_task`. Commits."""
    task = await stop_task(session, owner, task_id)
    await session.commit()
    return task


async def stop_task(session: AsyncSession, owner: UUID | Everyone, task_id: UUID) -> TaskRecord:
    """Cancel a task. A running task stops when it reports its progress. Does not commit.

    Raises:
        NotFoundError: see `get_task`.
        ConflictError: the task has ended.
    """
    task = await get_task(session, owner, task_id, lock=True)
    if task.state not in UNFINISHED:
        raise ConflictError("The task has ended.", code="task_ended")
    task.cancel_requested = True
    records.note(task, "cancel_requested")
    if task.state is TaskState.PENDING:
        task.state = TaskState.REVOKED
        task.ended_at = utcnow()
        records.note(task, "cancelled")
    return task


async def retry_task(session: AsyncSession, task_id: UUID) -> TaskRecord:
    """Run a failed task of any user again, with all its tries. Commits.

    Raises:
        NotFoundError: there is no such task.
        ConflictError: the task has not failed.
    """
    task = await get_task(session, EVERYONE, task_id, lock=True)
    if task.state is not TaskState.FAILURE:
        raise ConflictError("Only a failed task can be retried.", code="task_not_failed")
    requeue(session, task)
    await session.commit()
    return task


async def retry_failed(session: AsyncSession, name: str | None = None) -> int:
    """Run all failed tasks again, or those with one name. Return how many. Commits."""
    failed = select(TaskRecord).where(col(TaskRecord.state) == TaskState.FAILURE)
    if name:
        failed = failed.where(col(TaskRecord.name) == name)
    tasks = (await session.exec(failed.with_for_update(skip_locked=True))).all()
    for task in tasks:
        requeue(session, task)
    await session.commit()
    return len(tasks)


def _has_owner(task: TaskRecord, owner: UUID | Everyone) -> bool:
    match owner:
        case Everyone():
            return True
        case UUID():
            return task.owner_id == owner
    assert_never(owner)
