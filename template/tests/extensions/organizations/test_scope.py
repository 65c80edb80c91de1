"""The organization of a request: by path or by header, with the role of this moment."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.tasks import TaskError, enqueue
from app.core.tasks.application import CARRIED
from app.extensions.organizations.deps import HEADER, CurrentOrganization, HeaderOrganization
from app.extensions.organizations.service.scope import current, in_task, of_task, within
from app.extensions.organizations.task_headers import headers
from tests.core.tasks.work import count
from tests.support.processes import Process, eventually
from tests.support.tenants import Tenants

router = APIRouter()


@router.get("/probe/{organization}/path")
async def by_path(scope: CurrentOrganization) -> tuple[str, str | None]:
    return scope.role, current.get()


@router.get("/probe/header")
async def by_header(scope: HeaderOrganization) -> tuple[str, str | None]:
    scope.require("admin")
    return scope.role, current.get()


@pytest.fixture(autouse=True)
def _probes(running_app: FastAPI) -> Iterator[None]:
    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield
    running_app.router.routes[:] = before


async def test_path_and_header_name_the_organization(client: AsyncClient, tenants: Tenants) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    for person, role in ((acme.people["owner"], "owner"), (acme.people["member"], "member")):
        answer = await client.get(f"/probe/{acme.slug}/path", headers=person.headers)
        assert answer.json() == [role, str(acme.id)]
    owner, stranger = acme.people["owner"].headers, other.people["owner"].headers
    given = {HEADER: acme.slug}
    assert (await client.get("/probe/header", headers=owner | given)).json()[0] == "owner"
    refused = await client.get("/probe/header", headers=stranger | given)
    assert (refused.status_code, refused.json()["code"]) == (404, "organization_not_found")
    member = acme.people["member"].headers
    assert (await client.get("/probe/header", headers=member | given)).status_code == 403
    assert (await client.get("/probe/header", headers=owner)).status_code == 422
    assert (await client.get("/probe/header", headers=given)).status_code == 401


async def test_a_token_from_before_a_change_of_role_does_not_help(
    client: AsyncClient, tenants: Tenants
) -> None:
    acme = await tenants.create("Acme", "admin")
    admin = acme.people["admin"]
    path = f"/members/{admin.id}"
    await acme.ask("owner", "PATCH", path, {"role": "member"})
    assert (await client.get(f"/probe/{acme.slug}/path", headers=admin.headers)).json()[
        0
    ] == "member"
    await acme.ask("owner", "DELETE", path)
    answer = await client.get(f"/probe/{acme.slug}/path", headers=admin.headers)
    assert answer.status_code == 404


async def test_a_task_works_for_a_member_only(tenants: Tenants, session: AsyncSession) -> None:
    acme, other = await tenants.create("Acme"), await tenants.create("Other")
    owner = acme.people["owner"].id
    scope = await in_task(session, acme.id, owner)
    assert (scope.slug, scope.role, current.get()) == (acme.slug, "owner", str(acme.id))
    for organization_id in (other.id, uuid4()):
        with pytest.raises(TaskError, match="no longer a member"):
            await in_task(session, organization_id, owner)


def test_log_lines_and_messages_to_workers_carry_the_organization() -> None:
    assert context.BOUND["organization_id"] is current
    assert CARRIED["organization_id"] is current


async def test_a_task_of_a_request_carries_the_organization_to_its_worker(
    committed: AsyncClient, running_app: FastAPI, worker: Process
) -> None:
    organization_id = uuid4()
    async with running_app.state.database.session() as session:
        with within(organization_id):
            task_id = enqueue(session, count.s(total=1))
        other = enqueue(session, count.s(total=1))
        await session.commit()
    ended = {str(each): await line_of(f"[{each}] succeeded", worker) for each in (task_id, other)}
    assert ended[str(task_id)]["organization_id"] == str(organization_id)
    assert "organization_id" not in ended[str(other)]


async def test_a_task_works_in_the_scope_in_which_it_was_enqueued(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    token = context.user_id.set(str(acme.people["member"].id))
    try:
        with within(acme.id):
            assert headers() == {"organization_id": str(acme.id)}
            scope = await of_task(session)
            assert (scope.organization_id, scope.role) == (acme.id, "member")
        with within(other.id), pytest.raises(TaskError, match="no longer a member"):
            await of_task(session)
        current.set(None)
        assert headers() == {}
        with pytest.raises(TaskError, match="none is given"):
            await of_task(session)
    finally:
        context.user_id.reset(token)


async def test_the_next_request_of_a_connection_starts_without_an_organization(
    client: AsyncClient, tenants: Tenants
) -> None:
    acme = await tenants.create("Acme")
    owner = acme.people["owner"].headers
    assert (await client.get(f"/probe/{acme.slug}/path", headers=owner)).status_code == 200
    assert current.get() is None


async def line_of(event: str, worker: Process) -> dict[str, object]:
    """The line with this text that the worker writes."""

    async def told() -> bool:
        return event in worker.said()

    await eventually(told, worker)
    (line,) = (json.loads(line) for line in worker.said().splitlines() if event in line)
    return dict(line)
