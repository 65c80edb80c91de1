"""Background work: typed tasks, and an outbox that hands them to Celery once they are committed.

    @task()
    async def welcome(session: AsyncSession, user_id: UUID) -> None: ...

    enqueue(session, welcome.s(user_id=user.id))
    await session.commit()

`enqueue` writes a row in the caller's transaction. The row is the task's record from then on: what
was rolled back never runs, and what was committed is not lost with Redis, the API or a worker.
"""

from app.core.tasks.definition import Call, SkipRunError, Task, TaskError, task
from app.core.tasks.outbox import enqueue, send
from app.core.tasks.progress import CancelledError, progress

__all__ = [
    "Call",
    "CancelledError",
    "SkipRunError",
    "Task",
    "TaskError",
    "enqueue",
    "progress",
    "send",
    "task",
]
