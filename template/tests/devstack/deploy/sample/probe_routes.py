"""Routes for clients that ask all the time."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import text

from app.core.database import DatabaseReader, DatabaseSession
from app.core.settings import get_settings
from app.core.tasks import enqueue
from app.core.tasks.application import bind

router = APIRouter()

Answer = dict[str, str]


@router.post("/read")
async def read(reader: DatabaseReader) -> Answer:
    """Ask the database."""
    await reader.rows(text("SELECT 1"))
    return {"release": get_settings().app_version}


@router.post("/tasks/{name}")
async def begin(name: Annotated[str, Path()], session: DatabaseSession) -> Answer:
    """Enqueue a task."""
    enqueue(session, bind("probe.work", (), {"name": name}))
    await session.commit()
    return {"release": get_settings().app_version}
