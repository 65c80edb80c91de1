"""`/health/live`: the process runs. `/health/ready`: it can serve, each part with its time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from app.core.database import database_of
from app.core.database.connection_errors import explain, is_tls_failure
from app.core.http.openapi import Tag
from app.core.logging import get_logger
from app.core.migrations.state import pending

TIMEOUT = 3.0  # seconds for each part

log = get_logger(__name__)

router = APIRouter(prefix="/health", tags=[Tag.HEALTH])


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Part(BaseModel):
    """One thing this service needs."""

    ok: bool
    ms: float = Field(description="Milliseconds the check took")
    detail: str | None = Field(default=None, description="What is wrong, in general terms")


class Ready(BaseModel):
    """Whether requests can be served, part by part."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Part]


class _UnreadyError(Exception):
    """A part answers and is not ready; the text may be shown to anybody."""


@router.get("/live", summary="Is the process alive?")
async def live() -> Live:
    """Restart the process when this does not answer."""
    return Live()


@router.get(
    "/ready",
    summary="Can requests be served?",
    responses={503: {"model": Ready, "description": "Not now"}},
)
async def ready(request: Request, response: Response) -> Ready:
    """Send traffic only while this answers 200."""
    checks: dict[str, Callable[[], Awaitable[None]]] = {
        "database": lambda: _database(request),
        "migrations": lambda: _migrations(request),
        "redis": lambda: _redis(request),
    }
    parts = await asyncio.gather(*(_timed(name, check) for name, check in checks.items()))
    good = all(part.ok for part in parts)
    if not good:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return Ready(
        status="ok" if good else "unavailable", checks=dict(zip(checks, parts, strict=True))
    )


async def _timed(name: str, check: Callable[[], Awaitable[None]]) -> Part:
    started = time.perf_counter()
    detail = None
    try:
        async with asyncio.timeout(TIMEOUT):
            await check()
    except _UnreadyError as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - see below
        # Whatever it is, the part is not usable; the reason is for the logs, not for strangers.
        log.warning("not_ready", check=name, error=f"{type(error).__name__}: {error}"[:300])
        detail = "does not answer"
    ms = round((time.perf_counter() - started) * 1000, 1)
    return Part(ok=detail is None, ms=ms, detail=detail)


async def _database(request: Request) -> None:
    try:
        await database_of(request).reader.rows(text("select 1"))
    except OSError as error:
        if not is_tls_failure(error):
            raise
        log.error("database_not_trusted", reason=explain(error))
        raise _UnreadyError("its TLS is not trusted: see the log") from error


async def _migrations(request: Request) -> None:
    if missing := await database_of(request).reader.run(pending):
        raise _UnreadyError(f"behind: {', '.join(missing)}")


async def _redis(request: Request) -> None:
    await request.app.state.redis.ping()
