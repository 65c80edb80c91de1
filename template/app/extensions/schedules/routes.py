"""`/schedules`: for admins."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from app.core.database import DatabaseSession
from app.core.http.schemas import TaskAccepted
from app.core.tasks import enqueue
from app.extensions.schedules import service
from app.extensions.schedules.schemas import ScheduleCreate, ScheduleRead
from app.extensions.users.deps import AdminUser

router = APIRouter()


@router.get("", summary="List schedules")
def list_schedules(_: AdminUser) -> list[ScheduleRead]:
    """Return all schedules by name. For admins."""
    return service.list_schedules()


@router.post("", status_code=201, summary="Add a schedule")
def add_schedule(_: AdminUser, schedule: ScheduleCreate) -> ScheduleRead:
    """Add a schedule. For admins."""
    return service.add_schedule(schedule)


@router.post("/{name}/pause", summary="Pause a schedule")
def pause(_: AdminUser, name: str) -> ScheduleRead:
    """Start nothing until the schedule is resumed. For admins."""
    return service.pause(name)


@router.post("/{name}/resume", summary="Resume a schedule")
def resume(_: AdminUser, name: str) -> ScheduleRead:
    """Resume a paused schedule. Runs that it has missed are not started. For admins."""
    return service.resume(name)


@router.post("/{name}/run-now", status_code=202, summary="Run a schedule now")
async def run_now(_: AdminUser, name: str, session: DatabaseSession) -> TaskAccepted:
    """Start the task of a schedule now, even if it is paused. For admins."""
    task_id = enqueue(session, await run_in_threadpool(service.call_of, name))
    await session.commit()
    return TaskAccepted(task_id=task_id)


@router.delete("/{name}", status_code=204, summary="Remove a schedule")
def remove(_: AdminUser, name: str) -> None:
    """Remove a schedule that was added at run time. Schedules of the code can be paused.

    For admins.
    """
    service.remove(name)
