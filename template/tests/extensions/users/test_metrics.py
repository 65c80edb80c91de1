"""Numbers of users."""

import psycopg
from fastapi import FastAPI
from sqlalchemy.dialects import postgresql
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import SCHEMA, utcnow
from app.extensions.users.metrics import BY_STATUS, collect
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


def test_the_table_of_users_is_not_read(database_url: str) -> None:
    users = f"""
        INSERT INTO {SCHEMA}.users (id, role, status, machine, email, created_at, updated_at)
        SELECT gen_random_uuid(), 'user', 'approved', false, repeat('a', 100), now(), now()
        FROM generate_series(1, 20000)
    """
    counting = str(BY_STATUS.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(users)
        connection.execute(f"VACUUM ANALYZE {SCHEMA}.users")
        plan = [str(row[0]) for row in connection.execute(f"EXPLAIN {counting}")]
    assert any("Index Only Scan using ix_users_status" in line for line in plan), plan
