"""`/progress/…`: a page that follows a task, and leads back when it has ended.

    return see_other(request, show_progress, task_id=task_id, back=list_teas)

With JavaScript, the page receives each change as a server-sent event. Without, it reloads itself.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse
from starlette.responses import Response

from app.core.database import database_of
from app.core.tasks.models import UNFINISHED, TaskState
from app.extensions.pages.addresses import safe_path
from app.extensions.pages.rendering import page
from app.extensions.pages.visitors import Visitor
from app.extensions.tasks import service
from app.extensions.tasks.schemas import TaskRead

router = APIRouter()

# Seconds between two reads of a task that is followed. Each is one read by key.
POLL_SECONDS = 0.5

TITLES = {
    TaskState.PENDING: "Waiting",
    TaskState.SUCCESS: "Done",
    TaskState.FAILURE: "This did not work",
    TaskState.REVOKED: "Cancelled",
}


async def my_task(request: Request, visitor: Visitor, task_id: UUID) -> TaskRead:
    """Return a task of the visitor. Its session is closed at once, so a stream holds none."""
    async with database_of(request).session() as session:
        return TaskRead.model_validate(await service.get_task(session, visitor.id, task_id))


@router.get("/progress/{task_id}")
async def show_progress(
    request: Request, visitor: Visitor, task_id: UUID, back: str = "/"
) -> Response:
    """The state of a task of mine."""
    task = await my_task(request, visitor, task_id)
    return page(
        request,
        "progress.html",
        task=task,
        title=TITLES.get(task.state, "Working"),
        is_finished=task.state not in UNFINISHED,
        back=safe_path(back, otherwise="/"),
    )


@router.get("/progress/{task_id}/events", response_class=EventSourceResponse)
async def follow_progress(
    request: Request, visitor: Visitor, task: Annotated[TaskRead, Depends(my_task)]
) -> AsyncIterator[TaskRead]:
    """Send each change of a task, until it has ended."""
    yield task
    while task.state in UNFINISHED:
        await asyncio.sleep(POLL_SECONDS)
        before, task = task, await my_task(request, visitor, task.id)
        if task != before:
            yield task
