"""`/tasks`: the caller's own."""

from uuid import UUID

from fastapi import APIRouter

from app.features.tasks import service
from app.features.tasks.schemas import TaskRead
from app.features.users.deps import CurrentUser

router = APIRouter()


@router.get("/{task_id}", summary="Follow a task")
def read_task(user: CurrentUser, task_id: UUID) -> TaskRead:
    """Where a task of the caller stands, and what it returned."""
    return service.get_task(user.id, task_id)
