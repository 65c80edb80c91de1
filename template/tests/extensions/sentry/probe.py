"""Routes and tasks that fail in every way, with a value that people sent."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import Session

from app.core.database import DatabaseSession
from app.core.errors import ConflictError, UnavailableError
from app.core.tasks import TaskError, enqueue, task
from app.extensions.users.deps import CurrentUser

router = APIRouter(prefix="/probe")


class Note(BaseModel):
    """A body."""

    note: str


@task(name="probe.fail", tries=1)
def fail(session: Session, note: str) -> None:
    """Fail for good, in Postgres."""
    session.connection().execute(text("SELECT CAST(:value AS integer)"), {"value": note})


@task(name="probe.flaky")
def flaky(note: str) -> None:
    """Fail, and be tried again."""
    raise RuntimeError(note)


@task(name="probe.refuse")
def refuse(note: str) -> None:
    """Fail for good at once."""
    raise TaskError(note)


@task(name="probe.fine")
def fine(note: str) -> str:
    """Succeed."""
    return note


@router.post("/broken/{token}")
def broken(token: str, q: str, body: Note, request: Request, user: CurrentUser) -> None:
    """Have the value in local variables, in the message and in the cause."""
    cookie = request.cookies["session"]
    try:
        raise ValueError(f"first {q}")
    except ValueError as error:
        raise RuntimeError(f"{token} {body.note} {cookie} {user.email}") from error


@router.get("/conflict")
def conflict(q: str) -> None:
    """Answer 409."""
    raise ConflictError(q)


@router.get("/later")
def later(q: str) -> None:
    """Answer 503."""
    raise UnavailableError(q)


@router.post("/tasks")
async def start(q: str, session: DatabaseSession) -> None:
    """Start tasks that fail."""
    for each in (fail, flaky, refuse, fine):
        enqueue(session, each.s(note=q))
    await session.commit()
