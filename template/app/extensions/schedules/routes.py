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
    """All schedules, by name. For admins."""
    return service.list_schedules()


@router.post("", status_code=201, summary="Add a schedule")
def add_schedule(_: AdminUser, schedule: ScheduleCreate) -> ScheduleRead:
    """Make a schedule. For admins."""
    return service.add_schedule(schedule)


@router.post("/{name}/pause", summary="Pause a schedule")
def pause(_: AdminUser, name: str) -> ScheduleRead:
    """Start its task no more until it is resumed. For admins."""
    return service.pause(name)


@router.post("/{name}/resume", summary="Resume a schedule")
def resume(_: AdminUser, name: str) -> ScheduleRead:
    """Go on with a paused schedule; what it missed is not made up for. For admins."""
    return service.resume(name)


@router.post("/{name}/run-now", status_code=202, summary="Run a schedule now")
async def run_now(_: AdminUser, name: str, session: DatabaseSession) -> TaskAccepted:
    """Start its task at once, paused or not. For admins."""
    task_id = enqueue(session, await run_in_threadpool(service.call_of, name))
    await session.commit()
    return TaskAccepted(task_id=task_id)


@router.delete("/{name}", status_code=204, summary="Remove a schedule")
def remove(_: AdminUser, name: str) -> None:
    """Remove a schedule that was made at run time; one of the code can be paused. For admins."""
    service.remove(name)
