"""`/users` over HTTP."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.users.models import Role, Status, User
from devstack.supabase import LocalSupabase
from tests.extensions.users.factories import UserFactory
from tests.people import Person, SignIn

PATH = "/api/v1/users"


@pytest.fixture
async def admin(sign_in: SignIn) -> Person:
    return await sign_in(role=Role.ADMIN)


async def test_me_is_the_user_of_the_token(client: AsyncClient, sign_in: SignIn) -> None:
    person = await sign_in()
    answer = await client.get(f"{PATH}/me", headers=person.headers)
    assert answer.status_code == 200
    body = answer.json()
    assert (UUID(body["id"]), body["email"], body["role"]) == (person.id, person.email, "user")


async def test_users_change_their_name_and_nothing_else(
    client: AsyncClient, sign_in: SignIn
) -> None:
    person = await sign_in()
    changed = await client.patch(
        f"{PATH}/me", json={"display_name": " Ada "}, headers=person.headers
    )
    assert changed.json()["display_name"] == "Ada"
    for field, value in (("role", "admin"), ("status", "approved"), ("email", "x@example.com")):
        refused = await client.patch(f"{PATH}/me", json={field: value}, headers=person.headers)
        assert refused.status_code == 422
    read = (await client.get(f"{PATH}/me", headers=person.headers)).json()
    assert (read["role"], read["email"]) == ("user", person.email)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/{id}"),
        ("POST", "/forget-tokens"),
        ("POST", "/{id}/approve"),
        ("POST", "/{id}/reject"),
        ("POST", "/{id}/suspend"),
        ("PUT", "/{id}/role"),
    ],
)
async def test_only_admins_manage_users(
    client: AsyncClient, sign_in: SignIn, method: str, path: str
) -> None:
    person = await sign_in()
    url = PATH + path.format(id=person.id)
    answer = await client.request(method, url, json={"role": "admin"}, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")
    assert (await client.request(method, url, json={"role": "admin"})).status_code == 401


@pytest.mark.parametrize(
    ("action", "status"), [("reject", Status.REJECTED), ("suspend", Status.SUSPENDED)]
)
async def test_a_refused_user_is_refused_at_once_until_approved(
    client: AsyncClient, admin: Person, sign_in: SignIn, action: str, status: Status
) -> None:
    person = await sign_in()
    me = f"{PATH}/me"
    # The process has cached the user now.
    assert (await client.get(me, headers=person.headers)).status_code == 200

    done = await client.post(f"{PATH}/{person.id}/{action}", headers=admin.headers)
    assert done.json()["status"] == status
    refused = await client.get(me, headers=person.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, f"account_{status}")

    await client.post(f"{PATH}/{person.id}/approve", headers=admin.headers)
    assert (await client.get(me, headers=person.headers)).status_code == 200


async def test_an_admin_purges_the_verified_tokens(
    client: AsyncClient, admin: Person, supabase: LocalSupabase
) -> None:
    jwks = "/auth/v1/.well-known/jwks.json"
    await client.get(f"{PATH}/me", headers=admin.headers)
    before = supabase.traffic.calls[jwks]
    await client.get(f"{PATH}/me", headers=admin.headers)
    assert supabase.traffic.calls[jwks] == before
    done = await client.post(f"{PATH}/forget-tokens", headers=admin.headers)
    assert done.status_code == 204
    await client.get(f"{PATH}/me", headers=admin.headers)
    assert supabase.traffic.calls[jwks] == before + 1


async def test_a_new_admin_has_the_rights_at_once(
    client: AsyncClient, admin: Person, sign_in: SignIn
) -> None:
    person = await sign_in()
    assert (await client.get(PATH, headers=person.headers)).status_code == 403
    change = {"role": "admin"}
    await client.put(f"{PATH}/{person.id}/role", json=change, headers=admin.headers)
    assert (await client.get(PATH, headers=person.headers)).status_code == 200


@pytest.mark.parametrize("act", ["suspend", "reject", "role"])
async def test_the_last_admin_stays(client: AsyncClient, admin: Person, act: str) -> None:
    async def remove(person: Person) -> tuple[int, str | None]:
        method = "PUT" if act == "role" else "POST"
        answer = await client.request(
            method, f"{PATH}/{person.id}/{act}", json={"role": "user"}, headers=admin.headers
        )
        return answer.status_code, answer.json().get("code")

    assert await remove(admin) == (409, "last_admin")


async def test_an_admin_can_be_suspended_if_there_is_another(
    client: AsyncClient, admin: Person, sign_in: SignIn
) -> None:
    await sign_in(role=Role.ADMIN)
    answer = await client.post(f"{PATH}/{admin.id}/suspend", headers=admin.headers)
    assert answer.json()["status"] == "suspended"


async def test_an_admin_who_is_suspended_does_not_count(
    client: AsyncClient, admin: Person, sign_in: SignIn
) -> None:
    await sign_in(role=Role.ADMIN, status=Status.SUSPENDED)
    answer = await client.post(f"{PATH}/{admin.id}/suspend", headers=admin.headers)
    assert answer.json()["code"] == "last_admin"


@pytest.mark.parametrize("action", ["approve", "reject", "suspend"])
async def test_an_unknown_user_is_404(client: AsyncClient, admin: Person, action: str) -> None:
    answer = await client.post(f"{PATH}/{uuid4()}/{action}", headers=admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


async def test_a_list_is_walked_page_by_page_without_gap_or_repetition(
    client: AsyncClient, admin: Person, session: AsyncSession
) -> None:
    now = utcnow()
    # Two have the same time: the id decides their order.
    people = [
        UserFactory.build(email=f"page{n}@example.com", created_at=now - timedelta(days=n // 2))
        for n in range(7)
    ]
    session.add_all(people)
    await session.commit()

    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3", "search": "page"} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(PATH, params=query, headers=admin.headers)
        page = answer.json()
        assert len(page["items"]) <= 3
        seen += [user["id"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    newest = sorted(people, key=lambda user: (user.created_at, user.id), reverse=True)
    assert seen == [str(user.id) for user in newest]


async def test_a_list_is_searched_and_filtered(
    client: AsyncClient, admin: Person, session: AsyncSession
) -> None:
    rows: list[User] = [
        UserFactory.build(email=email, display_name=name, status=status, role=Role.USER)
        for email, name, status in (
            ("a_b@example.com", None, Status.PENDING),
            ("axb@example.com", None, Status.APPROVED),
            ("c@example.com", "A_B", Status.PENDING),
        )
    ]
    session.add_all(rows)
    await session.commit()

    async def emails(**query: str) -> set[str]:
        answer = await client.get(PATH, params=query, headers=admin.headers)
        assert answer.status_code == 200, answer.text
        return {user["email"] for user in answer.json()["items"]}

    assert await emails(search="a_b") == {"a_b@example.com", "c@example.com"}
    assert await emails(search="a_b@", status="pending") == {"a_b@example.com"}
    assert await emails(search="axb", status="pending") == set()
    assert await emails(role="admin") == {admin.email}


@pytest.mark.parametrize("query", [{"cursor": "!"}, {"limit": "0"}, {"limit": "101"}, {"x": "1"}])
async def test_a_wrong_query_is_refused(
    client: AsyncClient, admin: Person, query: dict[str, str]
) -> None:
    answer = await client.get(PATH, params=query, headers=admin.headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
