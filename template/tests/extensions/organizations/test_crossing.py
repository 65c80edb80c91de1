"""Nothing crosses from one organization to another: see `crossing`.

The routes and tables are found in the API and in the models, so a new feature is covered without a
change here.
"""

from collections.abc import Awaitable, Iterator
from typing import Protocol
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Request
from httpx import AsyncClient
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseSession
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.http.pagination import encode_cursor
from app.core.redis import redis_key
from app.core.supabase.storage import FileStorage
from app.extensions.organizations.deps import CurrentOrganization, Slug
from app.extensions.organizations.models import Invitation, Member, Organization
from app.extensions.users.deps import CurrentUser
from devstack.supabase import LocalSupabase
from tests.extensions.organizations.crossing import Data, Search, explore, known_roles, views
from tests.extensions.organizations.outside import Outside
from tests.extensions.organizations.rows import Words, fill, texts
from tests.support.people import Person
from tests.support.scoped_queries import refuse_unscoped
from tests.support.tenants import Tenants


class Make(Protocol):
    """The fixture `make`; `explored` is that of `crossing.explore`."""

    def __call__(self, name: str, *, explored: bool = False) -> Awaitable[Data]: ...


@pytest.fixture(autouse=True)
def _scoped_queries() -> Iterator[None]:
    with refuse_unscoped():
        yield


@pytest.fixture
def make(
    running_app: FastAPI,
    client: AsyncClient,
    tenants: Tenants,
    session: AsyncSession,
    supabase: LocalSupabase,
) -> Iterator[Make]:
    """Create an organization with people in every role, rows in every table, files and keys."""
    made: list[Data] = []

    async def create(name: str, *, explored: bool = False) -> Data:
        words = Words.new()
        tenant = await tenants.create(f"{name} {words.secret}", *known_roles())
        ids = await fill(session, tenant, words)
        keys = await texts(session, tenant)
        outside = Outside(supabase, tenant, words.known, words.secret, keys)
        made.append(Data(tenant, words, ids, outside))
        if explored:
            await explore(running_app, client, made[-1])
        return made[-1]

    yield create
    for data in made:
        data.outside.remove()


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
    b, a = await make("B", explored=True), await make("A")
    people = a.tenant.people | {"removed": await removed_from(b, tenants)}
    assert await Search(running_app, client, connection, b).strangers(people) == []


async def test_members_of_another_organization_find_nothing(
    running_app: FastAPI, client: AsyncClient, connection: AsyncConnection, make: Make
) -> None:
    b, a = await make("B", explored=True), await make("A")
    search = Search(running_app, client, connection, b)
    cursors = await search.cursors()
    assert cursors
    assert await search.members_of(a, cursors) == []


async def test_what_one_reads_does_not_depend_on_the_other(
    running_app: FastAPI, client: AsyncClient, make: Make
) -> None:
    a = await make("A")
    alone = await views(running_app, client, a)
    b = await make("B", explored=True)
    assert await views(running_app, client, a) == alone
    seen = "".join(alone.values())
    assert a.words.secret in seen
    assert b.words.secret not in seen


# --- The search finds what is wrong -----------------------------------------------------------

router = APIRouter()
PROBES = "/probe/{organization}"
CACHED: dict[str, str] = {}


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


@router.get(PROBES + "/cached")
async def read_cached(scope: CurrentOrganization) -> str:
    """Keep what one organization reads for all."""
    return CACHED.setdefault("answer", scope.name)


@router.get(PROBES + "/signed")
async def sign_any(scope: CurrentOrganization, storage: FileStorage, file: str = "") -> str:
    """Give the address of any file."""
    return await storage.sign_download(file) if file else ""


@router.get(PROBES + "/signed/{key}")
async def sign_of_row(
    scope: CurrentOrganization, storage: FileStorage, session: DatabaseSession, key: UUID
) -> str:
    """Give the address of the file that a row of any organization names."""
    row = await session.get(Invitation, key)
    if row is None:
        raise NotFoundError("No.")
    return await storage.sign_download(row.email)


@router.put(PROBES + "/signed")
async def sign_upload_of_any(
    scope: CurrentOrganization, storage: FileStorage, file: str = ""
) -> str:
    """Give an address that replaces any file."""
    return (await storage.sign_upload(file)).url if file else ""


@router.delete(PROBES + "/files")
async def delete_any_file(scope: CurrentOrganization, storage: FileStorage, file: str) -> None:
    """Remove any file."""
    await storage.delete(file)


@router.delete(PROBES + "/redis/{key}")
async def forget_any(scope: CurrentOrganization, request: Request, key: UUID) -> None:
    """Remove a key of any organization from Redis."""
    await request.app.state.redis.delete(redis_key(f"probe:{key}"))


@router.get(PROBES + "/cursor")
async def hide_in_cursor(scope: CurrentOrganization, session: DatabaseSession) -> str:
    """Tell the id of a row of another organization in a cursor."""
    others = select(Invitation.id).where(col(Invitation.organization_id) != scope.organization_id)
    key = (await session.exec(others)).first()
    return encode_cursor((str(key),))


@router.get(PROBES + "/slow/{key}")
async def ask_twice(scope: CurrentOrganization, session: DatabaseSession, key: UUID) -> None:
    """Need longer for a row of another organization than for one that does not exist."""
    found = select(Invitation.id).where(col(Invitation.id) == key)
    if (await session.exec(found)).one_or_none():
        await session.exec(found)
    raise NotFoundError("No.")


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
    CACHED.clear()
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
    CACHED.clear()
    b = await make("B", explored=True)
    together = await views(running_app, client, a, only="/probe")
    search = Search(running_app, client, connection, b, only="/probe")
    found = [*await search.strangers(a.tenant.people), *await search.members_of(a, [])]
    assert found or alone != together
