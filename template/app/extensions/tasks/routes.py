"""`/tasks`: the tasks of the caller, and for admins the tasks of all users."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse

from app.core.database import DatabaseReader, DatabaseSession, database_of
from app.core.http.pagination import KeysetPage
from app.core.tasks.models import UNFINISHED
from app.extensions.tasks import service
from app.extensions.tasks.schemas import TaskQuery, TaskRead
from app.extensions.users.deps import AdminUser, CurrentUser

# Seconds between two reads of a task that is followed. Each is one read by key.
POLL_SECONDS = 0.5

router = APIRouter()


async def visible_task(request: Request, user: CurrentUser, task_id: UUID) -> TaskRead:
    """Return a task. Its session is closed at once, so that a stream holds no connection."""
    async with database_of(request).session() as session:
        return TaskRead.model_validate(
            await service.get_task(session, service.visible_to(user), task_id)
        )


VisibleTask = Annotated[TaskRead, Depends(visible_task)]


@router.get("", summary="List tasks")
async def list_tasks(
    user: CurrentUser, query: Annotated[TaskQuery, Query()], reader: DatabaseReader
) -> KeysetPage[TaskRead]:
    """The caller's tasks, newest first."""
    return await service.list_tasks(reader, user, query)


@router.get("/{task_id}", summary="Read a task")
async def read_task(task: VisibleTask) -> TaskRead:
    """Return the state, the progress and the result of a task."""
    return task


@router.get("/{task_id}/events", summary="Follow a task", response_class=EventSourceResponse)
async def follow_task(
    request: Request, user: CurrentUser, task: VisibleTask
) -> AsyncIterator[TaskRead]:
    """Send each change of a task as a server-sent event, until the task has ended."""
    yield task
    while task.state in UNFINISHED:
        await asyncio.sleep(POLL_SECONDS)
        before, task = task, await visible_task(request, user, task.id)
        if task != before:
            yield task


@router.post("/{task_id}/cancel", summary="Cancel a task")
async def cancel_task(user: CurrentUser, task_id: UUID, session: DatabaseSession) -> TaskRead:
    """Cancel a task. A running task stops when it reports its progress."""
    owner = service.visible_to(user)
    return TaskRead.model_validate(await service.cancel_task(session, owner, task_id))


@router.post("/{task_id}/retry", summary="Retry a failed task")
async def retry_task(_: AdminUser, task_id: UUID, session: DatabaseSession) -> TaskRead:
    """Run a failed task again. For admins."""
    return TaskRead.model_validate(await service.retry_task(session, task_id))
