"""The rules: a task is its owner's alone, and what failed inside it is not told."""

from uuid import UUID

from app.core.errors import NotFoundError
from app.core.tasks import celery, owner_of
from app.features.tasks.schemas import TaskRead, TaskState


def get_task(owner_id: UUID, task_id: UUID) -> TaskRead:
    """Return a task's state, from Redis. Blocks.

    Raises:
        NotFoundError: there is none, it is somebody else's, or it ended more than a day ago.
    """
    if owner_of(str(task_id)) != owner_id:
        raise NotFoundError("There is no such task.", code="task_not_found")
    result = celery.AsyncResult(str(task_id))
    # A state of the task's own (`update_state`) is one of a task that runs.
    state = TaskState.__members__.get(result.state, TaskState.STARTED)
    value = result.result if state is TaskState.SUCCESS else None
    return TaskRead(id=str(task_id), state=state, result=value)
