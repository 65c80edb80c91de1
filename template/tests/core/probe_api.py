"""The API and routes that lean on one service each: `uvicorn tests.core.probe_api:app`."""

from uuid import UUID

from sqlalchemy import text

from app.core.database import DatabaseSession
from app.core.tasks import enqueue, send
from app.core.tasks.tasks import heartbeat
from app.main import app


@app.post("/probe/task")
async def hand_over(session: DatabaseSession) -> UUID:
    """Needs the database; what it enqueues is sent when Redis is there."""
    task_id = enqueue(session, heartbeat.s())
    await session.commit()
    return task_id


@app.post("/probe/send")
def hand_over_at_once() -> UUID:
    """Needs Redis."""
    return send(heartbeat.s())


@app.get("/probe/slow")
async def wait(session: DatabaseSession) -> None:
    """Keeps the database at work until it is killed."""
    await (await session.connection()).execute(text("SELECT pg_sleep(60)"))


__all__ = ["app"]
