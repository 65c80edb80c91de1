"""Routes that are slow, repeat a statement, fail, and enqueue a task."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import bindparam, text

from app.core.database import DatabaseReader, DatabaseSession
from app.core.events import emit
from app.core.logging import get_logger
from app.core.redis import redis_key
from app.core.settings import get_settings
from app.core.tasks import enqueue
from tests.devstack.probe.tasks import look

router = APIRouter()
log = get_logger(__name__)

_ONE = text("SELECT CAST(:number AS integer) AS number").bindparams(bindparam("number"))


@router.get("/many")
async def many(reader: DatabaseReader, session: DatabaseSession, times: int = 6) -> list[int]:
    """Run one statement many times, by the reader and by a session."""
    found = [(await reader.rows(_ONE, {"number": n}))[0]["number"] for n in range(times)]
    await session.execute(text("SELECT 'written'"))
    return found


@router.post("/tasks")
async def tasks(session: DatabaseSession, *, fail: bool = False) -> None:
    """Report an event, and enqueue a task."""
    await emit(session, "probe.asked", number=7, password="never shown")
    enqueue(session, look.s(fail=fail))
    await session.commit()


@router.get("/crash")
async def crash() -> None:
    """Fail."""
    amounts: dict[str, int] = {}
    log.warning("probe_will_crash", amount=3)
    amounts["missing"] += 1


@router.get("/odd")
async def odd() -> None:
    """Write a line that is no valid Unicode, as a file name or a broken text is."""
    log.info("probe_is_odd \udc80", path="/tmp/\udc80", more={"\ud800": "\ud800"})


@router.get("/redis")
async def redis(request: Request) -> None:
    """Write and read a value of Redis."""
    client = request.app.state.redis
    await client.set(redis_key("probe"), "a value", ex=5)
    await client.get(redis_key("probe"))


@router.post("/secrets/{link}")
async def secrets(request: Request, session: DatabaseSession, link: str) -> dict[str, Any]:
    """Do with secrets what should not be done with them."""
    canary, short = request.headers["x-canary"], request.headers["x-short-canary"]
    log.info("probe_signs_in", password=canary, text=f"Authorization: Bearer {canary}")
    log.info("probe_signs_in with token=%s", canary)
    log.info("probe has %s", get_settings().secret_key.get_secret_value())
    await session.execute(text("SELECT CAST(:word AS text)"), {"word": short})
    await session.execute(text(f"SELECT '{canary}'"))
    await session.execute(text("SELECT CAST(:word AS integer)"), {"word": short})
    return {"link": link}
