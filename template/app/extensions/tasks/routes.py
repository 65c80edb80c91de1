"""`/tasks`: the caller's own, and for admins everybody's."""

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

# Seconds between two looks at a task that is followed: one read by key each.
LOOK_EVERY = 0.5

router = APIRouter()


async def visible_task(request: Request, user: CurrentUser, task_id: UUID) -> TaskRead:
    """A task of the caller, read in a session of its own: who follows one holds no connection."""
    async with database_of(request).session() as session:
        return TaskRead.model_validate(await service.get_task(session, user, task_id))


VisibleTask = Annotated[TaskRead, Depends(visible_task)]


@router.get("", summary="List tasks")
async def list_tasks(
    user: CurrentUser, query: Annotated[TaskQuery, Query()], reader: DatabaseReader
) -> KeysetPage[TaskRead]:
    """The caller's tasks, newest first."""
    return await service.list_tasks(reader, user, query)


@router.get("/{task_id}", summary="Look at a task")
async def read_task(task: VisibleTask) -> TaskRead:
    """Where a task stands, and what it returned."""
    return task


@router.get("/{task_id}/events", summary="Follow a task", response_class=EventSourceResponse)
async def follow_task(
    request: Request, user: CurrentUser, task: VisibleTask
) -> AsyncIterator[TaskRead]:
    """The task whenever it changes, as server-sent events, until it has ended."""
    yield task
    while task.state in UNFINISHED:
        await asyncio.sleep(LOOK_EVERY)
        before, task = task, await visible_task(request, user, task.id)
        if task != before:
            yield task


@router.post("/{task_id}/cancel", summary="Cancel a task")
async def cancel_task(user: CurrentUser, task_id: UUID, session: DatabaseSession) -> TaskRead:
    """Stop a task: at once if it waits, at its next report of progress if it runs."""
    return TaskRead.model_validate(await service.cancel_task(session, user, task_id))


@router.post("/{task_id}/retry", summary="Retry a failed task")
async def retry_task(_: AdminUser, task_id: UUID, session: DatabaseSession) -> TaskRead:
    """Run a failed task again. For admins."""
    return TaskRead.model_validate(await service.retry_task(session, task_id))
