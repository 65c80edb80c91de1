"""All members of an organization share a count, besides the one that each of them has."""

from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.limits.service import list_refused, reset
from app.extensions.organizations.deps import HEADER
from app.extensions.organizations.models import Member
from app.extensions.organizations_limits import limits
from tests.extensions.limits.conftest import api, limited, limited_app, no_counts  # noqa: F401
from tests.support.people import Person, SignIn
from tests.support.tenants import PATH, Tenant, Tenants

TOGETHER = 8  # requests of an organization in a minute
EACH = 5  # requests of a user
PROBE = "/probe/inner/default"

Answered = list[tuple[int, str | None]]


@pytest.fixture(autouse=True)
def _factor(api: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    tiers = api.state.limiter.callers.tiers
    monkeypatch.setitem(tiers, "organization", TOGETHER / EACH)


async def send(client: AsyncClient, person: Person, slug: str, times: int) -> Answered:
    """The status of each answer, and the limit that refuses."""
    answers = [await client.get(f"{PATH}/{slug}", headers=person.headers) for _ in range(times)]
    return [(each.status_code, limit_of(each)) for each in answers]


def limit_of(answer: Response) -> str | None:
    return answer.json()["limit"] if answer.status_code == 429 else None


async def joined(session: AsyncSession, tenant: Tenant, person: Person) -> None:
    session.add(Member(organization_id=tenant.id, user_id=person.id, role="member"))
    await session.commit()


async def test_members_share_a_count_and_have_their_own(
    limited: AsyncClient,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    acme, other = await tenants.create("Acme", "member"), await tenants.create("Other")
    owner, member = acme.people["owner"], acme.people["member"]
    await joined(session, other, member)
    used = await send(limited, owner, acme.slug, EACH + 1)
    assert used == [(200, None)] * EACH + [(429, "default")]
    # The request that was refused for the user alone does not count for the organization.
    left = TOGETHER - EACH
    shared = await send(limited, member, acme.slug, left + 3)
    assert shared == [(200, None)] * left + [(429, "default.organization")] * 3
    assert [(each.kind, each.caller) for each in list_refused() if each.kind != "user"] == [
        ("organization", str(acme.id))
    ]
    assert reset(str(acme.id)) == 1
    assert await send(limited, member, acme.slug, 1) == [(200, None)]
    # Those that were refused for the organization do not count for the user.
    elsewhere = await send(limited, member, other.slug, EACH)
    free = EACH - left - 1
    assert elsewhere == [(200, None)] * free + [(429, "default")] * (EACH - free)


async def test_the_headers_show_both(
    limited: AsyncClient,  # noqa: F811
    tenants: Tenants,
) -> None:
    acme = await tenants.create()
    headers = acme.people["owner"].headers
    answer = await limited.get(f"{PATH}/{acme.slug}", headers=headers)
    assert answer.headers["ratelimit-policy"] == (
        f'"default";q={EACH};w=60, "default.organization";q={TOGETHER};w=60'
    )
    left = [part.split(";")[:2] for part in answer.headers["ratelimit"].split(", ")]
    assert left == [['"default"', f"r={EACH - 1}"], ['"default.organization"', f"r={TOGETHER - 1}"]]
    alone = await limited.get(PROBE, headers=headers)
    assert alone.headers["ratelimit-policy"] == f'"default";q={EACH};w=60'
    named = await limited.get(PROBE, headers=headers | {HEADER: acme.slug})
    assert "default.organization" in named.headers["ratelimit-policy"]


async def test_nobody_else_uses_up_what_an_organization_may_send(
    client: AsyncClient,
    limited: AsyncClient,  # noqa: F811
    tenants: Tenants,
) -> None:
    acme = await tenants.create("Acme", "member")
    removed = acme.people["member"]
    await acme.ask("owner", "DELETE", f"/members/{removed.id}")
    stranger = (await tenants.create("Other")).people["owner"]
    for person in (removed, stranger):
        for slug in (acme.slug, "nothing-abcdefgh", "x" * 100):
            answer = await limited.get(f"{PATH}/{slug}", headers=person.headers)
            assert answer.status_code in (404, 422)
            assert answer.headers["ratelimit-policy"] == f'"default";q={EACH};w=60'
    without = await limited.get(f"{PATH}/{acme.slug}", headers={HEADER: acme.slug})
    assert "organization" not in without.headers["ratelimit-policy"]
    answer = await limited.get(f"{PATH}/{acme.slug}", headers=acme.people["owner"].headers)
    assert f'"default.organization";r={TOGETHER - 1};' in answer.headers["ratelimit"]


async def test_a_personal_organization_has_no_count(
    client: AsyncClient,
    limited: AsyncClient,  # noqa: F811
    sign_in: SignIn,
) -> None:
    person = await sign_in()
    own = (await client.post(f"{PATH}/personal", headers=person.headers)).json()
    answer = await limited.get(f"{PATH}/{own['slug']}", headers=person.headers)
    assert answer.headers["ratelimit-policy"] == f'"default";q={EACH};w=60'


async def test_a_machine_of_a_member_counts_for_the_organization(
    api: FastAPI,  # noqa: F811
    limited: AsyncClient,  # noqa: F811
    tenants: Tenants,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acme = await tenants.create()
    owner = acme.people["owner"].id

    async def caller_of(_: object, token: str) -> tuple[str, UUID, UUID, None] | None:
        return ("machine", acme.id, owner, None) if token == "machine" else None

    monkeypatch.setattr(api.state.limiter.callers, "_callers_of", [caller_of])
    headers = {"Authorization": "Bearer machine", HEADER: acme.slug}
    answer = await limited.get(PROBE, headers=headers)
    assert "default.organization" in answer.headers["ratelimit-policy"]


async def test_the_membership_is_asked_for_once_in_a_while(
    api: FastAPI,  # noqa: F811
    limited: AsyncClient,  # noqa: F811
    tenants: Tenants,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def group_of(_: object, user_id: UUID, name: str) -> tuple[str, UUID]:
        asked.append(name)
        return "organization", user_id

    monkeypatch.setattr(limits, "group_of", group_of)
    callers = api.state.limiter.callers
    monkeypatch.setattr(callers, "_groups", {})
    acme = await tenants.create()
    await send(limited, acme.people["owner"], acme.slug, 3)
    assert asked == [acme.slug]
