"""Requests with a key: which are accepted, and how the others are refused."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import delete, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import UnauthenticatedError
from app.extensions.api_keys import key_format, service, verification
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.users import service as users
from app.extensions.users.models import Status, User
from tests.extensions.api_keys.conftest import HERE, KEYS, ME, MakeKey, Statements, bearer, forget
from tests.support.logs import rendered
from tests.support.people import Person


def reason(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_key_acts_for_its_owner(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    key = await make_key(ada, scopes=["users:read"])
    answer = await client.get(ME, headers=key.headers)
    assert (answer.status_code, answer.json()["id"]) == (200, str(ada.id))


async def test_a_key_needs_the_scope_of_the_route(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    key = await make_key(ada, scopes=["users:read"])
    answer = await client.get("/api/v1/tasks", headers=key.headers)
    assert (*reason(answer), answer.json()["scope"]) == (403, "scope_required", "tasks:read")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ME),  # a scope of the same feature and path does not help
        ("GET", "/api/v1/users"),
        ("GET", KEYS),
        ("POST", KEYS),
        ("GET", f"{KEYS}/{UUID(int=0)}"),
        ("POST", f"{KEYS}/{UUID(int=0)}/rotate"),
        ("POST", f"{KEYS}/{UUID(int=0)}/revoke"),
    ],
)
async def test_a_route_without_a_scope_refuses_keys(
    client: AsyncClient, ada: Person, make_key: MakeKey, method: str, path: str
) -> None:
    key = await make_key(ada)
    answer = await client.request(method, path, headers=key.headers, json={})
    assert reason(answer) == (403, "scoped_token_refused")


@pytest.mark.parametrize("change", ["checksum", "cut", "environment"])
async def test_a_mistyped_key_is_refused_without_a_statement(
    client: AsyncClient, ada: Person, make_key: MakeKey, statements: Statements, change: str
) -> None:
    text = (await make_key(ada)).text
    wrong = {
        "checksum": text[:-1] + ("a" if text[-1] != "a" else "b"),
        "cut": text[:-10],
        "environment": text.replace("_test_", "_live_"),
    }
    async with statements() as found:
        answer = await client.get(ME, headers=bearer(wrong[change]))
    assert reason(answer) == (401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert found == []


async def test_an_unknown_key_is_looked_up_once(
    client: AsyncClient, statements: Statements
) -> None:
    headers = bearer(key_format.new_key("acme"))
    async with statements() as found:
        answers = [await client.get(ME, headers=headers) for _ in range(3)]
    assert {reason(answer) for answer in answers} == {(401, "invalid_api_key")}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": utcnow() - timedelta(seconds=1)}, "api_key_expired"),
        ({"revoked_at": utcnow()}, "api_key_revoked"),
    ],
)
async def test_a_key_that_has_ended(
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    changes: dict[str, Any],
    code: str,
) -> None:
    key = await make_key(ada)
    await session.exec(update(ApiKey).where(col(ApiKey.id) == key.id).values(**changes))
    await session.commit()
    assert reason(await client.get(ME, headers=key.headers)) == (401, code)


async def test_a_cached_key_expires_in_time(
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = await make_key(ada, expires_in_days=1)
    assert (await client.get(ME, headers=key.headers)).status_code == 200
    later = utcnow() + timedelta(days=1)
    monkeypatch.setattr(verification, "utcnow", lambda: later)
    assert reason(await client.get(ME, headers=key.headers)) == (401, "api_key_expired")


async def test_a_revoked_key_is_refused_at_once_in_the_same_process(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    key = await make_key(ada)
    assert (await client.get(ME, headers=key.headers)).status_code == 200
    answer = await client.post(f"{KEYS}/{key.id}/revoke", headers=ada.headers)
    assert (answer.status_code, answer.json()["revoked_at"] is None) == (200, False)
    assert reason(await client.get(ME, headers=key.headers)) == (401, "api_key_revoked")


@pytest.mark.parametrize("cached", [False, True])
async def test_a_suspended_owner(
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    cached: bool,
) -> None:
    key = await make_key(ada)
    if cached:
        assert (await client.get(ME, headers=key.headers)).status_code == 200
    await users.set_status(session, ada.id, Status.SUSPENDED)
    assert reason(await client.get(ME, headers=key.headers)) == (403, "account_suspended")


async def test_an_owner_who_was_deleted_in_auth(
    client: AsyncClient, ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    key = await make_key(ada)
    user = await users.get(session, ada.id)
    user.deleted_at = utcnow()
    await session.commit()
    assert reason(await client.get(ME, headers=key.headers)) == (403, "account_deleted")


async def test_an_owner_without_a_row_is_not_created_again(
    client: AsyncClient, ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    key = await make_key(ada)
    assert (await client.get(ME, headers=key.headers)).status_code == 200
    await session.exec(delete(User).where(col(User.id) == ada.id))
    await session.commit()
    users.evict(ada.id)  # the key itself is still cached
    assert reason(await client.get(ME, headers=key.headers)) == (401, "invalid_api_key")
    session.expunge_all()
    assert await session.get(User, ada.id) is None


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], HERE, 200),
        ([HERE], HERE, 200),
        (["203.0.113.0/24", "2001:db8::/32"], HERE, 200),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8:1::1", 200),
        (["203.0.113.0/24"], f"::ffff:{HERE}", 200),
        (["203.0.113.0/24"], "203.0.114.7", 403),
        (["203.0.113.0/24"], "2001:db8::1", 403),
        (["203.0.113.0/24"], "", 403),
    ],
)
async def test_a_key_with_networks(
    from_address: Callable[[str], AsyncClient],
    ada: Person,
    make_key: MakeKey,
    networks: list[str],
    address: str,
    status: int,
) -> None:
    key = await make_key(ada, networks=networks)
    async with from_address(address) as client:
        answer = await client.get(ME, headers=key.headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "api_key_address_refused"


async def test_a_forwarded_address_of_a_client_is_not_believed(
    from_address: Callable[[str], AsyncClient], ada: Person, make_key: MakeKey
) -> None:
    key = await make_key(ada, networks=[HERE])
    async with from_address("198.51.100.1") as client:
        answer = await client.get(ME, headers=key.headers | {"X-Forwarded-For": HERE})
    assert reason(answer) == (403, "api_key_address_refused")


async def test_a_key_is_read_from_the_header_authorization_alone(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    text = (await make_key(ada)).text
    for name in ("api_key", "key", "token", "access_token"):
        assert reason(await client.get(ME, params={name: text})) == (401, "unauthenticated")
    for name in ("X-API-Key", "Api-Key", "Cookie", "Proxy-Authorization"):
        assert reason(await client.get(ME, headers={name: text})) == (401, "unauthenticated")
    for value in (text, f"Basic {text}", f"ApiKey {text}", f"Bearer{text}"):
        answer = await client.get(ME, headers={"Authorization": value})
        assert reason(answer) == (401, "unauthenticated")


async def test_the_hashes_are_compared_whole_and_in_constant_time(
    client: AsyncClient, ada: Person, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the database returns, a key is its hash. A row of another key helps nobody."""
    key, other = await make_key(ada), key_format.new_key("acme")
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return one == two

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert (await client.get(ME, headers=key.headers)).status_code == 200
    stored = verification._keys[key_format.hash_of(key.text)]
    monkeypatch.setitem(verification._keys, key_format.hash_of(other), stored)
    assert reason(await client.get(ME, headers=bearer(other))) == (401, "invalid_api_key")
    own, guess = key_format.hash_of(key.text), key_format.hash_of(other)
    assert compared == [(own, own), (own, guess)]


async def test_a_key_that_is_revoked_while_it_is_read(
    app: FastAPI, ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    """A read that began before the change must not bring the old row back into the cache."""
    key = await make_key(ada)

    class RevokedMeanwhile:
        async def rows(self, *statement: Any) -> Any:
            rows = await app.state.database.reader.rows(*statement)
            await service.revoke(session, None, key.id, address=HERE)
            RevokedMeanwhile.rows = app.state.database.reader.rows  # type: ignore[method-assign]
            return rows

    with pytest.raises(UnauthenticatedError, match="revoked"):
        await verification.find(cast("Reader", RevokedMeanwhile()), key.text)


@pytest.mark.parametrize("cold", [True, False])
async def test_a_request_with_a_key_runs_no_more_statements_than_one_with_an_access_token(
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    statements: Statements,
    cold: bool,
) -> None:
    key = await make_key(ada)
    counts = {}
    for kind, headers in {"access token": ada.headers, "key": key.headers}.items():
        await client.get(ME, headers=headers)
        if cold:
            forget()
            users.evict(ada.id)
        async with statements() as found:
            assert (await client.get(ME, headers=headers)).status_code == 200
        counts[kind] = len(found)
    # One reads the row that the route returns.
    expected = 2 if cold else 1
    assert counts == {"access token": expected, "key": expected}


async def test_fifty_requests_at_once(
    committed: AsyncClient, running_app: FastAPI, committed_owner: User
) -> None:
    async with running_app.state.database.session() as session:
        values = ApiKeyCreate(name="CI", scopes=["users:read"])
        _, text = await service.create(session, committed_owner.id, values, address=HERE)
    answers = await asyncio.gather(
        *(committed.get(ME, headers=bearer(text)) for _ in range(50)),
        *(committed.get(ME, headers=bearer(text[:-1])) for _ in range(10)),
    )
    assert [answer.status_code for answer in answers] == [200] * 50 + [401] * 10


async def test_no_log_line_has_a_key(
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    answer = await client.post(
        KEYS, json={"name": "CI", "scopes": ["users:read"]}, headers=ada.headers
    )
    created = answer.json()
    key = created["key"]
    await client.get(ME, headers=bearer(key))
    await client.get("/api/v1/tasks", headers=bearer(key))
    await client.get(f"{ME}?key={key}", headers=bearer(f"{key[:-1]}-"))
    renewed = await client.post(f"{KEYS}/{created['id']}/rotate", json={}, headers=ada.headers)
    await service.revoke(session, None, UUID(renewed.json()["id"]), address="here")
    await client.get(ME, headers=bearer(renewed.json()["key"]))
    lines = rendered(caplog)
    for text in (key, renewed.json()["key"]):
        secret = text.split("_")[2]
        assert [line for line in lines if secret in line or secret[8:24] in line] == []
    # What happened is there, and who did it.
    found = "\n".join(lines)
    for event in ("api_key_created", "api_key_rotated", "api_key_revoked"):
        assert f"{event}" in found
    assert f"api_key:{created['id']}" in found
