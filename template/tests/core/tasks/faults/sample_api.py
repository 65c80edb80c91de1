"""The API with routes that enqueue tasks of the sample: `uvicorn …faults.sample_api:app`."""

import os
import signal
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.core.database import DatabaseSession
from app.core.tasks import enqueue, outbox, send
from app.main import app
from tests.core.tasks.faults.sample import TASKS


class Work(BaseModel):
    """A task of the sample, and the arguments of each run."""

    task: str
    calls: list[dict[str, Any]]
    ordered_by: str | None = None


@app.post("/sample")
async def work(work: Work, session: DatabaseSession) -> list[UUID]:
    """Enqueue all tasks in one transaction."""
    ids = _enqueue(work, session)
    await session.commit()
    return ids


@app.post("/sample/rolled-back")
async def roll_back(work: Work, session: DatabaseSession) -> list[UUID]:
    """Enqueue all tasks in a transaction that is flushed and rolled back."""
    ids = _enqueue(work, session)
    await session.flush()
    await session.rollback()
    # The next commit of this session must not send tasks that were rolled back.
    await session.commit()
    return ids


@app.post("/sample/killed")
async def be_killed(work: Work, session: DatabaseSession) -> None:
    """Enqueue all tasks, and die after the commit and before a task is sent."""
    outbox.hand_over = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[attr-defined]
    _enqueue(work, session)
    await session.commit()


@app.post("/sample/direct")
def work_directly(work: Work) -> list[UUID]:
    """Send all tasks without a record."""
    return [send(TASKS[work.task].s(**arguments)) for arguments in work.calls]


def _enqueue(work: Work, session: DatabaseSession) -> list[UUID]:
    return [
        enqueue(session, TASKS[work.task].s(**arguments), ordered_by=work.ordered_by)
        for arguments in work.calls
    ]


__all__ = ["app"]
