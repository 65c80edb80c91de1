"""Nothing crosses from one organization to another: see `crossing`.

The routes and tables are found in the API and in the models, so a new feature is covered without a
change here.
"""

from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.extensions.organizations.deps import CurrentOrganization, Slug
from app.extensions.organizations.models import Invitation, Member, Organization
from app.extensions.users.deps import CurrentUser
from tests.extensions.organizations.crossing import Data, Search, known_roles, views
from tests.extensions.organizations.rows import Words, fill
from tests.support.people import Person
from tests.support.scoped_queries import refuse_unscoped
from tests.support.tenants import Tenants

Make = Callable[[str], Awaitable[Data]]


@pytest.fixture(autouse=True)
def _scoped_queries() -> Iterator[None]:
    with refuse_unscoped():
        yield


@pytest.fixture
def make(tenants: Tenants, session: AsyncSession) -> Make:
    """Create an organization with people in every role and rows in every table."""

    async def create(name: str) -> Data:
        words = Words.new()
        tenant = await tenants.create(f"{name} {words.secret}", *known_roles())
        return Data(tenant, words, await fill(session, tenant, words))

    return create


async def removed_from(b: Data, tenants: Tenants) -> Person:
    """Somebody whom B's owner has just removed."""
    person = await tenants.join(b.tenant, "removed")
    del b.tenant.people["removed"]
    answer = await b.tenant.ask("owner", "DELETE", f"/members/{person.id}")
    assert answer.status_code == 204
    return person


async def test_strangers_and_removed_members_find_nothing(
    running_app: FastAPI,
    client: AsyncClient,
    connection: AsyncConnection,
    make: Make,
    tenants: Tenants,
) -> None:
    a, b = await make("A"), await make("B")
    people = a.tenant.people | {"removed": await removed_from(b, tenants)}
    assert await Search(running_app, client, connection, b).strangers(people) == []


async def test_members_of_another_organization_find_nothing(
    running_app: FastAPI, client: AsyncClient, connection: AsyncConnection, make: Make
) -> None:
    a, b = await make("A"), await make("B")
    search = Search(running_app, client, connection, b)
    cursors = await search.cursors()
    assert cursors
    assert await search.members_of(a, cursors) == []


async def test_what_one_reads_does_not_depend_on_the_other(
    running_app: FastAPI, client: AsyncClient, make: Make
) -> None:
    a = await make("A")
    alone = await views(running_app, client, a)
    b = await make("B")
    assert await views(running_app, client, a) == alone
    seen = "".join(alone.values())
    assert a.words.secret in seen
    assert b.words.secret not in seen


# --- The search finds what is wrong -----------------------------------------------------------

router = APIRouter()
PROBES = "/probe/{organization}"


@router.get(PROBES + "/by-id/{key}")
async def read_any(scope: CurrentOrganization, session: DatabaseSession, key: UUID) -> str:
    """Forget the organization of a row."""
    row = await session.get(Invitation, key)
    if row is None:
        raise NotFoundError("No.")
    return row.email


@router.get(PROBES + "/exists/{key}")
async def tell_existence(scope: CurrentOrganization, session: DatabaseSession, key: UUID) -> None:
    """Refuse a row of another organization in another way than one that does not exist."""
    row = await session.get(Invitation, key)
    if row is None:
        raise NotFoundError("No.")
    if row.organization_id != scope.organization_id:
        raise ForbiddenError("Not yours.")


@router.get(f"{PROBES}/count")
async def count_all(scope: CurrentOrganization, session: DatabaseSession) -> int:
    """Count the rows of all."""
    return (await session.exec(select(func.count(col(Invitation.id))))).one()


@router.get(f"{PROBES}/search")
async def search_all(scope: CurrentOrganization, session: DatabaseSession, search: str = "") -> int:
    """Search the rows of all."""
    found = select(func.count(col(Invitation.id))).where(col(Invitation.email).contains(search))
    return (await session.exec(found)).one() if search else 0


@router.get(f"{PROBES}/forbidden")
async def forbid(user: CurrentUser, organization: Slug, session: DatabaseSession) -> None:
    """Tell strangers that an organization exists."""
    member = (
        select(Member)
        .join(Organization, col(Organization.id) == col(Member.organization_id))
        .where(col(Organization.slug) == organization, col(Member.user_id) == user.id)
    )
    if (await session.exec(member)).first() is None:
        raise ForbiddenError("You are no member.")


@router.delete(PROBES + "/by-id/{key}")
async def delete_any(scope: CurrentOrganization, session: DatabaseSession, key: UUID) -> None:
    """Remove a row of any organization."""
    await session.exec(delete(Invitation).where(col(Invitation.id) == key))
    await session.commit()


@router.post(f"{PROBES}/unique")
async def be_unique(scope: CurrentOrganization, session: DatabaseSession, name: str) -> None:
    """Refuse a value that another organization has."""
    found = select(Invitation).where(col(Invitation.email).contains(name))
    if (await session.exec(found)).first():
        raise ConflictError("Taken.")


@pytest.fixture(params=[route.endpoint.__name__ for route in router.routes])  # type: ignore[attr-defined]
def probe(request: pytest.FixtureRequest, running_app: FastAPI) -> Iterator[str]:
    """One wrong route, instead of all others."""
    before = list(running_app.router.routes)
    only = APIRouter()
    only.routes += [
        each
        for each in router.routes
        if each.endpoint.__name__ == request.param  # type: ignore[attr-defined]
    ]
    running_app.include_router(only)
    running_app.openapi_schema = None
    yield request.param
    running_app.router.routes[:] = before
    running_app.openapi_schema = None


async def test_a_wrong_route_is_found(
    running_app: FastAPI,
    client: AsyncClient,
    connection: AsyncConnection,
    make: Make,
    probe: str,
) -> None:
    a = await make("A")
    alone = await views(running_app, client, a, only="/probe")
    b = await make("B")
    together = await views(running_app, client, a, only="/probe")
    search = Search(running_app, client, connection, b, only="/probe")
    found = [*await search.strangers(a.tenant.people), *await search.members_of(a, [])]
    assert found or alone != together
