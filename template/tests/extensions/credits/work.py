"""Tasks that cost credits."""

import os
import signal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import process_engine
from app.core.tasks import task
from app.extensions.credits.service.decorators import charged
from app.worker import celery as celery

OPERATION = "docs.embed"
_START = text("INSERT INTO public.starts VALUES (:note)")
_STARTS = text("SELECT count(*) FROM public.starts WHERE note = :note")
_EFFECT = text("INSERT INTO public.effects VALUES (:note)")


def start(note: str) -> int:
    """Record a run in its own transaction; return the number of runs so far."""
    with process_engine().begin() as connection:
        connection.execute(_START, {"note": note})
        return int(connection.execute(_STARTS, {"note": note}).scalar_one())


def count(note: str, **_: object) -> int:
    """One unit for each letter."""
    return len(note)


@task(name="probe.embed")
@charged(OPERATION, units=count)
def embed(session: Session, owner_id: UUID, note: str) -> int:
    """Insert a row, which is paid for in the same transaction."""
    start(note)
    session.connection().execute(_EFFECT, {"note": note})
    return len(note)


@task(name="probe.embed_async")
@charged(OPERATION, units=count)
async def embed_async(session: AsyncSession, owner_id: UUID, note: str) -> None:
    """The async variant of `embed`."""
    await (await session.connection()).execute(_EFFECT, {"note": note})


@task(name="probe.plain")
@charged(OPERATION, units=2)
async def plain(owner_id: UUID) -> str:
    """A task without a session."""
    return str(owner_id)


@task(name="probe.stumble", tries=3)
@charged(OPERATION, units=count)
def stumble(session: Session, owner_id: UUID, note: str) -> None:
    """Fail in the first run, succeed in the second."""
    session.connection().execute(_EFFECT, {"note": note})
    if start(note) == 1:
        raise ConnectionError("no way")


@task(name="probe.die")
@charged(OPERATION, units=count)
def die(session: Session, owner_id: UUID, note: str) -> None:
    """Kill the process at the end of the first run."""
    session.connection().execute(_EFFECT, {"note": note})
    if start(note) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
