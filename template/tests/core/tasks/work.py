"""Tasks of every kind, for the tests of the worker."""

import asyncio
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.logging import get_logger
from app.core.tasks import TaskError, progress, task

log = get_logger(__name__)

_INSERT = text("INSERT INTO public.notes VALUES (:note)")


class Money(BaseModel):
    """An argument and a result with types that JSON does not have."""

    amount: Decimal
    due: datetime


@task()
async def double(session: AsyncSession, price: Money, times: int = 2) -> Money:
    """Use the database on the loop of the process."""
    await (await session.connection()).execute(text("SELECT 1"))
    return price.model_copy(update={"amount": price.amount * times})


@task()
def write(session: Session, note: str) -> int:
    """Write in the task's transaction."""
    session.connection().execute(_INSERT, {"note": note})
    return len(note)


@task()
def write_and_fail(session: Session, note: str) -> None:
    """Write, and fail before the commit."""
    session.connection().execute(_INSERT, {"note": note})
    raise ValueError("hunter2")


@task()
def refuse() -> None:
    """Fail with a reason for the owner."""
    raise TaskError("There is no paper.")


@task(tries=2)
async def stumble(key: UUID) -> None:
    """Fail each time."""
    raise ConnectionError(f"no way to {key}")


@task()
def lie() -> int:
    """Return another type than declared."""
    return "many"  # type: ignore[return-value]


@task()
async def count(total: int) -> int:
    """Count slowly and report the progress."""
    for done in range(total):
        progress(done, total)
        await asyncio.sleep(0.02)
    log.info("counted")
    return total
