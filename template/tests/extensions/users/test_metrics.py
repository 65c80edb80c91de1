"""Numbers of users."""

from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.users.metrics import collect
from app.extensions.users.models import Status
from tests.extensions.users.factories import UserFactory


async def test_users_are_counted_by_status(app: FastAPI, session: AsyncSession) -> None:
    for status in (Status.PENDING, Status.APPROVED, Status.APPROVED):
        session.add(UserFactory.build(status=status, deleted_at=None))
    session.add(UserFactory.build(status=Status.APPROVED, deleted_at=utcnow()))
    await session.commit()
    (metric,) = await collect(app.state.database.reader)
    found = {sample.labels["status"]: sample.value for sample in metric.samples}
    assert found == {"pending": 1, "approved": 2, "rejected": 0, "suspended": 0}
