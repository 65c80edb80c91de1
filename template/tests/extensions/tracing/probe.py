"""Routes and tasks that touch everything that is traced."""

import httpx
from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http_client import client_options
from app.core.logging import get_logger
from app.core.redis import Script, Scripts, store
from app.core.tasks import enqueue, task

ECHO = text("SELECT CAST(:value AS text) AS value")
SCRIPT = Script("return ARGV[1]")

log = get_logger(__name__)
router = APIRouter(prefix="/probe")


class Note(BaseModel):
    """A body."""

    note: str
    other: str  # the address of another service


@task(name="probe.second")
async def second(session: AsyncSession, note: str) -> str:
    """Use asyncpg in a worker."""
    log.info("second_runs")
    await (await session.connection()).execute(ECHO, {"value": note})
    return note


@task(name="probe.first")
def first(session: Session, note: str) -> str:
    """Use psycopg and Redis in a worker, and enqueue another task."""
    session.connection().execute(ECHO, {"value": note})
    store().set(f"app:{note}", note)
    enqueue(session, second.s(note=note))
    return note


@task(name="probe.fail", tries=1)
def fail(session: Session, note: str) -> None:
    """Fail in Postgres, with the value in the message."""
    session.connection().execute(text("SELECT CAST(:value AS integer)"), {"value": note})


@router.post("/all/{token}")
async def use_all(
    token: str, q: str, body: Note, request: Request, session: DatabaseSession, read: DatabaseReader
) -> dict[str, str]:
    """Send a value everywhere."""
    await read.rows(ECHO, {"value": q})
    await (await session.connection()).execute(ECHO, {"value": body.note})
    redis = request.app.state.redis
    await redis.set(f"app:{token}", body.note)
    await Scripts(redis).run(SCRIPT, [f"app:{token}"], [body.note])
    async with httpx.AsyncClient(**client_options()) as client:
        address = body.other.replace("://", f"://user:{token}@")
        await client.post(f"{address}/{token}?key={token}", json={"note": body.note})
    enqueue(session, first.s(note=body.note))
    enqueue(session, fail.s(note=body.note))
    await session.commit()
    return {"note": body.note}


@router.get("/broken")
def broken(q: str) -> None:
    """Raise an error with a value in its message."""
    raise RuntimeError(f"hunter2 {q}")
