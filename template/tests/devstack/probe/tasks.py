"""A task that runs statements and may fail, and one for schedules."""

from sqlalchemy import text
from sqlmodel import Session

from app.core.tasks import TaskError, task


@task(name="probe.look")
def look(session: Session, *, fail: bool = False) -> None:
    """Run one statement many times."""
    for number in range(5):
        session.execute(text("SELECT CAST(:number AS integer)"), {"number": number})
    if fail:
        raise TaskError("It was asked to fail.")


@task(name="probe.tick")
def tick() -> None:
    """Do nothing."""
