"""The API and routes that lean on one service each: `uvicorn tests.core.probe_api:app`."""

from sqlalchemy import text

from app.core.database import DatabaseSession
from app.core.maintenance import heartbeat
from app.core.tasks import enqueue
from app.main import app


@app.post("/probe/task")
async def hand_over() -> str:
    """Needs Redis."""
    return await enqueue(heartbeat)


@app.get("/probe/slow")
async def wait(session: DatabaseSession) -> None:
    """Keeps the database at work until it is killed."""
    await (await session.connection()).execute(text("SELECT pg_sleep(60)"))


__all__ = ["app"]
