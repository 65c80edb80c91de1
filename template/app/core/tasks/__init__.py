"""Background work: typed tasks, and an outbox that sends them to Celery once they are committed.

    @task()
    async def welcome(session: AsyncSession, user_id: UUID) -> None: ...

    enqueue(session, welcome.s(user_id=user.id))
    await session.commit()

`enqueue` writes a row in the caller's transaction, and this row is the record of the task. A task
whose transaction was rolled back never runs. A task whose transaction was committed is not lost if
Redis, the API or a worker fails.
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
