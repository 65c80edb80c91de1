"""The seats of a plan limit the members of an organization."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from httpx import AsyncClient, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.billing.service import holders, seats
from app.extensions.billing.service.plans import Standing
from app.extensions.organizations.service import invitations, members
from app.extensions.users.service import add_machine
from devstack.supabase import LocalSupabase
from tests.extensions.billing.plans import TEAM
from tests.extensions.billing.shop import API, Shop
from tests.extensions.billing_organizations.test_holders import headers
from tests.support.people import Person, SignIn
from tests.support.tenants import PATH, Tenant, Tenants


@pytest.fixture(autouse=True)
def answered_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer the links of invitations, also if a feature delivers them."""
    monkeypatch.setattr(invitations, "load", lambda _: ())


async def invite(acme: Tenant, person: Person) -> Response:
    return await acme.ask("owner", "POST", "/invitations", {"email": person.email})


async def accept(client: AsyncClient, headers: dict[str, str], invitation: Response) -> Response:
    token = invitation.json()["link"].partition("#token=")[2]
    return await client.post(f"{PATH}/accept-invitation", json={"token": token}, headers=headers)


async def change(shop: Shop, acme: Tenant, **order: object) -> Response:
    answer = await shop.api.patch(f"{API}/subscription", json=order, headers=headers(acme, "owner"))
    await shop.deliver()
    return answer


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_invitations_end_with_the_seats_and_follow_them(
    shop: Shop, tenants: Tenants, sign_in: SignIn
) -> None:
    acme = await tenants.create("Acme")
    first, second, third = [await sign_in() for _ in range(3)]
    assert code(await invite(acme, first)) == (402, "no_seat_left")  # of the free plan
    await shop.subscribe(headers(acme, "owner"), "team_monthly", seats=2)
    await shop.deliver()
    invited = await invite(acme, first)
    refused = await invite(acme, second)  # the open invitation counts
    assert (*code(refused), refused.json()["seats"]) == (402, "no_seat_left", 2)
    again = await acme.ask("owner", "POST", f"/invitations/{invited.json()['id']}/resend")
    assert (await accept(shop.api, first.headers, again)).status_code == 200
    assert code(await invite(acme, second)) == (402, "no_seat_left")
    assert (await change(shop, acme, seats=3)).status_code == 200
    invited = await invite(acme, second)
    assert invited.status_code == 201
    assert code(await invite(acme, third)) == (402, "no_seat_left")
    revoked = await acme.ask("owner", "DELETE", f"/invitations/{invited.json()['id']}")
    assert revoked.status_code == 204
    assert (await acme.ask("owner", "DELETE", f"/members/{first.id}")).status_code == 204
    for person in (second, third):
        assert (await invite(acme, person)).status_code == 201


async def test_nobody_joins_beyond_the_seats(shop: Shop, tenants: Tenants, sign_in: SignIn) -> None:
    acme = await tenants.create("Acme")
    await shop.subscribe(headers(acme, "owner"), "team_monthly", seats=3)
    await shop.deliver()
    first, second = await sign_in(), await sign_in()
    links = [await invite(acme, person) for person in (first, second)]
    assert (await change(shop, acme, seats=2)).status_code == 200
    assert (await accept(shop.api, first.headers, links[0])).status_code == 200
    assert code(await accept(shop.api, second.headers, links[1])) == (402, "no_seat_left")
    await acme.ask("owner", "DELETE", f"/members/{first.id}")
    assert (await accept(shop.api, second.headers, links[1])).status_code == 200


async def test_fewer_seats_than_members_are_refused(shop: Shop, tenants: Tenants) -> None:
    acme = await tenants.create("Acme", "admin", "member")
    order = {"price": "team_monthly", "seats": 2}
    few = await shop.api.post(f"{API}/subscription", json=order, headers=headers(acme, "owner"))
    assert code(few) == (409, "seats_in_use")
    await shop.subscribe(headers(acme, "owner"), "team_monthly", seats=3)
    await shop.deliver()
    cheaper: list[dict[str, object]] = [{"seats": 2}, {"price": "pro_monthly", "seats": 1}]
    for less in cheaper:
        refused = await change(shop, acme, **less)
        assert (*code(refused), refused.json()["people"]) == (409, "seats_in_use", 3)
        path = f"{API}/subscription/preview"
        preview = await shop.api.post(path, json=less, headers=headers(acme, "owner"))
        assert code(preview) == (409, "seats_in_use")
    member = acme.people["member"]
    await acme.ask("owner", "DELETE", f"/members/{member.id}")
    assert (await change(shop, acme, seats=2)).status_code == 200


async def test_machines_need_no_seat_and_without_a_key_there_is_no_limit(
    shop: Shop, tenants: Tenants, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, machine = await tenants.create("Acme"), uuid4()
    await add_machine(shop.session, machine, "Robot")
    await members.add_machine(shop.session, acme.id, machine)
    await shop.session.commit()
    assert await holders.people(shop.session, acme.id) == 1
    person = await sign_in()
    assert code(await invite(acme, person)) == (402, "no_seat_left")
    with monkeypatch.context() as patch:
        patch.delenv("BILLING_STRIPE_KEY")
        load_settings.cache_clear()
        assert (await invite(acme, person)).status_code == 201
    load_settings.cache_clear()


async def test_of_two_who_join_at_once_the_second_counts_the_first(
    committed: AsyncClient,
    committed_url: str,
    configured: None,
    supabase: LocalSupabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two real transactions, for the last of two seats."""
    places, looks = 3, 0

    async def standing_in(session: AsyncSession, holder_id: UUID) -> Standing:
        nonlocal looks
        looks += 1
        if places == 2 and looks == 1:
            await the_other_waits()
        return Standing(holder_id, TEAM, seats=places)

    async def the_other_waits() -> None:
        """Return when the other request waits for this one, or does not."""
        blocked = (
            "SELECT 1 FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with await psycopg.AsyncConnection.connect(committed_url, autocommit=True) as there:
            while looks < 2:
                found = await there.execute(blocked)
                if await found.fetchone():
                    return
                await asyncio.sleep(0.01)

    async def user() -> dict[str, str]:
        email = f"{uuid4().hex}@example.com"
        headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
        await committed.get("/api/v1/users/me", headers=headers)
        return headers | {"email": email}

    monkeypatch.setattr(seats, "standing_in", standing_in)
    owner, *guests = [await user() for _ in range(3)]
    made = await committed.post(PATH, json={"name": "Acme"}, headers=owner)
    path = f"{PATH}/{made.json()['slug']}/invitations"
    links = [
        await committed.post(path, json={"email": guest["email"]}, headers=owner)
        for guest in guests
    ]
    places, looks = 2, 0
    answers = await asyncio.gather(
        *(accept(committed, headers, link) for headers, link in zip(guests, links, strict=True))
    )
    assert sorted(each.status_code for each in answers) == [200, 402]
