"""Items through sessions that act as a user: the database applies the policies of the table."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.extensions.users.deps import UserSession
from app.features.items.models import Item
from tests.features.items.factories import ItemFactory
from tests.support.people import Person, SignIn

router = APIRouter()


@router.get("/probe/items")
async def titles(session: UserSession) -> list[str]:
    """Titles that the session of the caller can read."""
    return list(await session.exec(select(col(Item.title)).order_by(Item.title)))


@router.post("/probe/items/{owner_id}")
async def add(session: UserSession, owner_id: UUID) -> None:
    """Add an item for any owner, which the service never does."""
    session.add(ItemFactory.build(owner_id=owner_id, title="added"))
    await session.commit()


@pytest.fixture
def probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield
    running_app.router.routes[:] = before


@pytest.fixture
async def people(sign_in: SignIn, session: AsyncSession) -> tuple[Person, Person]:
    """Two users with one item each."""
    first, second = await sign_in(), await sign_in()
    session.add(ItemFactory.build(owner_id=first.id, title="mine"))
    session.add(ItemFactory.build(owner_id=second.id, title="yours"))
    await session.commit()
    return first, second


@pytest.fixture
async def as_first(
    connection: AsyncConnection, people: tuple[Person, Person]
) -> AsyncIterator[AsyncSession]:
    """A session that acts as the first user, in the transaction of the test."""
    async with AsyncSession(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    ) as session:
        act_as(session, people[0].id)
        yield session


async def test_a_route_reads_only_rows_of_the_caller(
    client: AsyncClient, probes: None, people: tuple[Person, Person]
) -> None:
    for person, expected in zip(people, (["mine"], ["yours"]), strict=True):
        answer = await client.get("/probe/items", headers=person.headers)
        assert (answer.status_code, answer.json()) == (200, expected)
    assert (await client.get("/probe/items")).status_code == 401


async def test_a_route_adds_rows_for_the_caller_only(
    client: AsyncClient, probes: None, people: tuple[Person, Person]
) -> None:
    first, second = people
    own = await client.post(f"/probe/items/{first.id}", headers=first.headers)
    assert own.status_code == 200
    # The next session is an ordinary one of the backend, which reads all tables.
    assert (await client.get("/api/v1/users/me", headers=first.headers)).status_code == 200
    others = await client.post(f"/probe/items/{second.id}", headers=first.headers)
    assert others.status_code == 403
    assert others.json()["code"] == "row_forbidden"


async def test_a_row_of_another_user_cannot_be_changed_and_an_own_row_not_given_away(
    as_first: AsyncSession, people: tuple[Person, Person]
) -> None:
    everything = update(Item).values(title="changed").returning(col(Item.owner_id))
    assert (await as_first.exec(everything)).scalars().all() == [people[0].id]
    gift = update(Item).values(owner_id=people[1].id)
    with pytest.raises(DBAPIError) as refused:
        await as_first.exec(gift)
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"
