"""Invitations: a link for one address, which works once and expires."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from httpx import AsyncClient, Response
from sqlmodel import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.organizations.models import Invitation, Member
from app.extensions.organizations.tasks import purge
from devstack.supabase import LocalSupabase
from tests.support.people import Person, SignIn
from tests.support.tenants import PATH, Tenant, Tenants

pytestmark = pytest.mark.usefixtures("answered_links")


@pytest.fixture
async def acme(tenants: Tenants) -> Tenant:
    return await tenants.create("Acme", "admin", "member")


@pytest.fixture
async def guest(sign_in: SignIn) -> Person:
    return await sign_in()


async def invite(acme: Tenant, email: str, role: str = "member", by: str = "admin") -> Response:
    return await acme.ask(by, "POST", "/invitations", {"email": email, "role": role})


def token(answer: Response) -> str:
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["link"].partition("#token=")[2])


async def accept(client: AsyncClient, person: Person, token: str) -> Response:
    body = {"token": token}
    return await client.post(f"{PATH}/accept-invitation", json=body, headers=person.headers)


async def test_the_invited_user_joins_once(
    client: AsyncClient, session: AsyncSession, acme: Tenant, guest: Person
) -> None:
    invited = await invite(acme, guest.email.upper())
    stored = (await session.exec(select(Invitation))).one()
    assert token(invited).encode() not in stored.token_hash
    joined = await accept(client, guest, token(invited))
    assert (joined.status_code, joined.json()["slug"]) == (200, acme.slug)
    assert (await acme.ask(guest, "GET")).json()["role"] == "member"
    again = await accept(client, guest, token(invited))
    assert (again.status_code, again.json()["code"]) == (404, "invitation_not_found")


async def test_the_link_is_for_one_address(
    client: AsyncClient, acme: Tenant, guest: Person, sign_in: SignIn
) -> None:
    link = token(await invite(acme, guest.email))
    finder = await sign_in()
    wrong = [await accept(client, finder, link), await accept(client, finder, "x")]
    assert wrong[0].status_code == 404
    bodies = [{**each.json(), "request_id": None} for each in wrong]
    assert bodies[0] == bodies[1]
    assert (await accept(client, guest, link)).status_code == 200


async def test_an_expired_invitation_is_sent_again_with_a_new_link(
    client: AsyncClient, session: AsyncSession, acme: Tenant, guest: Person
) -> None:
    invited = await invite(acme, guest.email)
    await session.exec(update(Invitation).values(expires_at=utcnow() - timedelta(seconds=1)))
    late = await accept(client, guest, token(invited))
    assert (late.status_code, late.json()["code"]) == (409, "invitation_expired")
    again = await acme.ask("admin", "POST", f"/invitations/{invited.json()['id']}/resend")
    assert (await accept(client, guest, token(invited))).status_code == 404
    assert (await accept(client, guest, token(again))).status_code == 200


async def test_a_revoked_invitation_does_not_work(
    client: AsyncClient, acme: Tenant, guest: Person
) -> None:
    invited = await invite(acme, guest.email)
    one = f"/invitations/{invited.json()['id']}"
    listed = (await acme.ask("admin", "GET", "/invitations")).json()["items"]
    assert [each["email"] for each in listed] == [guest.email]
    assert "link" not in listed[0]
    assert (await acme.ask("admin", "DELETE", one)).status_code == 204
    assert (await accept(client, guest, token(invited))).status_code == 404
    assert (await acme.ask("admin", "DELETE", one)).status_code == 404


async def test_an_address_is_invited_once(acme: Tenant) -> None:
    assert (await invite(acme, "a@example.com")).status_code == 201
    again = await invite(acme, "A@example.com")
    assert (again.status_code, again.json()["code"]) == (409, "already_invited")


async def test_a_new_invitation_replaces_an_expired_one(
    client: AsyncClient, session: AsyncSession, acme: Tenant, guest: Person
) -> None:
    expired = await invite(acme, guest.email)
    await session.exec(update(Invitation).values(expires_at=utcnow() - timedelta(seconds=1)))
    again = await invite(acme, guest.email, "owner", by="owner")
    assert again.json()["id"] != expired.json()["id"]
    assert (await accept(client, guest, token(expired))).status_code == 404
    assert (await accept(client, guest, token(again))).json()["role"] == "owner"


async def test_the_schedule_removes_expired_invitations(
    session: AsyncSession, acme: Tenant
) -> None:
    await invite(acme, "old@example.com")
    await session.exec(update(Invitation).values(expires_at=utcnow() - timedelta(seconds=1)))
    await invite(acme, "new@example.com")
    await purge.function(session)
    assert (await session.exec(select(Invitation.email))).all() == ["new@example.com"]


async def test_a_member_is_not_invited(acme: Tenant) -> None:
    answer = await invite(acme, acme.people["admin"].email)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


async def test_a_member_keeps_the_role(
    client: AsyncClient, session: AsyncSession, acme: Tenant, guest: Person
) -> None:
    invited = await invite(acme, guest.email)
    session.add(Member(organization_id=acme.id, user_id=guest.id, role="admin"))
    await session.commit()
    joined = await accept(client, guest, token(invited))
    assert joined.json()["role"] == "admin"


@pytest.mark.parametrize("way", ["remove", "demote", "transfer"])
async def test_who_loses_a_role_leaves_no_invitation_behind(
    client: AsyncClient, tenants: Tenants, sign_in: SignIn, guest: Person, way: str
) -> None:
    """Neither for other people, nor as an owner, nor for the own address from before."""
    acme = await tenants.create("Acme", "member")
    boss, leaver = acme.people["owner"], await sign_in()
    own = await invite(acme, leaver.email, "owner", by="owner")
    await accept(client, leaver, token(own))
    acme.people["leaver"] = leaver
    second = await sign_in()
    links = [
        token(await invite(acme, guest.email, "admin", by="leaver")),
        token(await invite(acme, second.email, "owner", by="leaver")),
    ]
    await invite(acme, "kept@example.com", by="owner")
    one = f"/members/{leaver.id}"
    match way:
        case "remove":
            answer = await acme.ask(boss, "DELETE", one)
        case "demote":
            answer = await acme.ask(boss, "PATCH", one, {"role": "member"})
        case _:
            answer = await acme.ask(leaver, "POST", "/transfer", {"user_id": str(boss.id)})
    assert answer.status_code == 204
    for person, link in zip((guest, second), links, strict=True):
        assert (await accept(client, person, link)).status_code == 404
    left = (await acme.ask(boss, "GET", "/invitations")).json()["items"]
    assert [each["email"] for each in left] == ["kept@example.com"]


async def test_an_invitation_from_before_does_not_bring_back_a_removed_member(
    client: AsyncClient, session: AsyncSession, acme: Tenant, guest: Person
) -> None:
    link = token(await invite(acme, guest.email, "admin"))
    session.add(Member(organization_id=acme.id, user_id=guest.id, role="admin"))
    await session.commit()
    await acme.ask("owner", "DELETE", f"/members/{guest.id}")
    assert (await accept(client, guest, link)).status_code == 404


async def test_only_admins_invite_and_only_owners_invite_owners(acme: Tenant) -> None:
    assert (await invite(acme, "a@example.com", by="member")).status_code == 403
    assert (await invite(acme, "a@example.com", "owner", by="admin")).status_code == 403
    invited = await invite(acme, "a@example.com", "owner", by="owner")
    assert invited.status_code == 201
    one = f"/invitations/{invited.json()['id']}"
    assert (await acme.ask("admin", "POST", f"{one}/resend")).status_code == 403
    assert (await acme.ask("member", "DELETE", one)).status_code == 403
    assert (await acme.ask("member", "GET", "/invitations")).status_code == 403
    assert (await invite(acme, "b@example.com", "emperor")).json()["code"] == "unknown_role"
    assert (await invite(acme, "no address")).status_code == 422


async def test_a_deleted_organization_cannot_be_joined(
    client: AsyncClient, acme: Tenant, guest: Person
) -> None:
    link = token(await invite(acme, guest.email))
    await acme.ask("owner", "DELETE")
    assert (await accept(client, guest, link)).status_code == 404
    await acme.ask("owner", "POST", "/restore")
    assert (await accept(client, guest, link)).status_code == 200


async def test_of_two_requests_with_one_token_one_joins(
    committed: AsyncClient, supabase: LocalSupabase
) -> None:
    """Two real transactions: the second waits for the first."""

    async def user(email: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
        await committed.get("/api/v1/users/me", headers=headers)
        return headers

    owner, guest = await user(f"{uuid4().hex}@example.com"), f"{uuid4().hex}@example.com"
    made = await committed.post(PATH, json={"name": "Acme"}, headers=owner)
    one = f"{PATH}/{made.json()['slug']}"
    invited = await committed.post(f"{one}/invitations", json={"email": guest}, headers=owner)
    body, headers = {"token": token(invited)}, await user(guest)
    answers = await asyncio.gather(
        *(committed.post(f"{PATH}/accept-invitation", json=body, headers=headers) for _ in range(2))
    )
    assert sorted(each.status_code for each in answers) == [200, 404]
    members = (await committed.get(f"{one}/members", headers=owner)).json()
    assert members["total"] == 2
