"""Routes and tasks that are measured."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.core.database import DatabaseSession
from app.core.errors import ConflictError
from app.core.tasks import SkipRunError, TaskError, enqueue, task

inner = APIRouter(prefix="/inner")
router = APIRouter(prefix="/probe")


@task(name="probe.fine")
def fine() -> None:
    """Succeed."""


@task(name="probe.flaky")
def flaky() -> None:
    """Fail, and be tried again."""
    raise RuntimeError


@task(name="probe.refuse")
def refuse() -> None:
    """Fail for good."""
    raise TaskError("No.")


@task(name="probe.skip")
def skip() -> None:
    """Have nothing to do."""
    raise SkipRunError


@inner.get("/things/{thing}/parts/{part}")
async def things(thing: str, part: str) -> str:
    """Have parameters, two routers deep."""
    return thing + part


@router.get("/plain")
async def plain() -> str:
    """Have none."""
    return "x"


@router.get("/broken")
async def broken() -> None:
    """Fail."""
    raise RuntimeError


@router.get("/conflict/{thing}")
async def conflict(thing: str) -> None:
    """Refuse."""
    raise ConflictError(thing)


@router.post("/tasks/{thing}")
async def start(thing: UUID, session: DatabaseSession) -> None:
    """Start a task of each kind."""
    for each in (fine, flaky, refuse, skip):
        enqueue(session, each.s())
    await session.commit()


router.include_router(inner)


async def row(_: Request) -> Response:
    """Be a route of a mounted site."""
    return Response("x")


mounted = Mount("/site", routes=[Route("/rows/{row}", row)])
