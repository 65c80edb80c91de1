"""What is cached for one organization is never given in another, also not to a member of both."""

from collections import Counter
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, Depends, FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.cache.service import Cached, cached
from app.extensions.organizations.deps import (
    HEADER,
    CurrentOrganization,
    HeaderOrganization,
    NamedOrganization,
)
from app.extensions.organizations.models import Member
from app.extensions.organizations.service.scope import current, within
from app.extensions.users.deps import CurrentUser
from tests.extensions.cache.conftest import cache_on  # noqa: F401 - a fixture
from tests.support.people import Person
from tests.support.tenants import Tenant, Tenants

runs: Counter[str] = Counter()
router = APIRouter()


def work(name: str) -> str:
    """What only the running organization may see."""
    runs[name] += 1
    return f"of {current.get()}"


async def header(_: HeaderOrganization) -> None:
    """Name the organization without a parameter of the route."""


@router.get("/probe/{organization}/cached")
@Cached(expires=60)
async def by_path(scope: CurrentOrganization) -> str:
    return work("path")


@router.get("/probe/cached/header", dependencies=[Depends(header)])
@Cached(expires=60)
async def by_header(user: CurrentUser) -> str:
    return work("header")


@router.get("/probe/cached/named")
@Cached(expires=60)
async def by_either(user: CurrentUser, scope: NamedOrganization) -> str:
    return work("named")


@cached(expires=60)
async def total() -> str:
    return work("total")


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    runs.clear()
    yield
    running_app.router.routes[:] = before


@pytest.fixture
async def pair(tenants: Tenants) -> tuple[Tenant, Tenant]:
    return await tenants.create("A"), await tenants.create("B")


@pytest.fixture
async def both(pair: tuple[Tenant, Tenant], session: AsyncSession) -> Person:
    """The owner of A, who is a member of B as well."""
    a, b = pair
    session.add(Member(organization_id=b.id, user_id=a.people["owner"].id, role="member"))
    await session.commit()
    return a.people["owner"]


@pytest.mark.parametrize("name", ["path", "header", "named"])
async def test_a_member_of_two_gets_the_answer_of_each(
    client: AsyncClient, pair: tuple[Tenant, Tenant], both: Person, name: str
) -> None:
    for attempt in range(3):
        for tenant in pair:
            path = f"/probe/{tenant.slug}/cached" if name == "path" else f"/probe/cached/{name}"
            answer = await client.get(path, headers=both.headers | {HEADER: tenant.slug})
            assert (answer.status_code, answer.json()) == (200, f"of {tenant.id}")
            assert ("hit" in answer.headers["cache-status"]) == (attempt > 0)
    assert runs[name] == 2


async def test_an_answer_for_the_caller_alone_is_another_one(
    client: AsyncClient, pair: tuple[Tenant, Tenant], both: Person
) -> None:
    for _ in range(2):
        alone = await client.get("/probe/cached/named", headers=both.headers)
        assert alone.json() == "of None"
        inside = both.headers | {HEADER: pair[0].slug}
        assert (
            await client.get("/probe/cached/named", headers=inside)
        ).json() == f"of {pair[0].id}"
    assert runs["named"] == 2


async def test_a_function_without_arguments_has_a_result_for_each_organization(
    pair: tuple[Tenant, Tenant],
) -> None:
    for _ in range(2):
        for tenant in pair:
            with within(tenant.id):
                assert await total() == f"of {tenant.id}"
        assert await total() == "of None"
    assert runs["total"] == 3
