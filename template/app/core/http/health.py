"""`/health/live`: the process runs. `/health/ready`: it can serve requests, with each check."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text

from app.core.database import database_of
from app.core.database.connection_errors import explain, is_tls_failure
from app.core.errors import UnavailableError
from app.core.logging import get_logger
from app.core.migrations.state import pending

TIMEOUT = 3.0  # seconds for each check

log = get_logger(__name__)

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """Result of one check."""

    ok: bool
    ms: float = Field(description="Milliseconds the check took")
    detail: str | None = Field(default=None, description="The problem, in general terms")


class Ready(BaseModel):
    """Whether requests can be served, with each check."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]


@router.head("/live", include_in_schema=False)
@router.get("/live", summary="Is the process alive?")
async def live() -> Live:
    """Restart the process if this does not answer."""
    return Live()


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    summary="Can requests be served?",
    responses={503: {"model": Ready, "description": "Not now"}},
)
async def ready(request: Request, response: Response) -> Ready:
    """Send traffic only while this answers 200."""
    checks = {"database": _database, "migrations": _migrations, "redis": _redis}
    results = await asyncio.gather(*(_run(name, checks[name], request) for name in checks))
    ok = all(result.ok for result in results)
    if not ok:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    return Ready(
        status="ok" if ok else "unavailable", checks=dict(zip(checks, results, strict=True))
    )


async def _run(name: str, check: Callable[[Request], Awaitable[None]], request: Request) -> Check:
    started = time.perf_counter()
    detail = None
    try:
        async with asyncio.timeout(TIMEOUT):
            await check(request)
    except UnavailableError as error:
        detail = error.detail
    except Exception as error:  # noqa: BLE001 - any error means that the service is not usable
        # The error may name hosts and users, so it is logged and not answered.
        log.warning("not_ready", check=name, error=f"{type(error).__name__}: {error}"[:300])
        detail = "does not answer"
    ms = round((time.perf_counter() - started) * 1000, 1)
    return Check(ok=detail is None, ms=ms, detail=detail)


async def _database(request: Request) -> None:
    try:
        await database_of(request).reader.rows(text("select 1"))
    except OSError as error:
        if not is_tls_failure(error):
            raise
        log.error("database_not_trusted", reason=explain(error))
        raise UnavailableError("its TLS is not trusted: see the log") from error


async def _migrations(request: Request) -> None:
    if missing := await database_of(request).reader.run(pending):
        raise UnavailableError(f"behind: {', '.join(missing)}")


async def _redis(request: Request) -> None:
    await request.app.state.redis.ping()
