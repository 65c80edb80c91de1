"""`/api_keys`: creation, rotation and revocation by the owner."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.scopes import known_scopes
from app.core.database.models import utcnow
from app.core.errors import ConflictError
from app.core.settings import load_settings
from app.extensions.api_keys import key_format, service, verification
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.api_keys.settings import ApiKeySettings
from app.extensions.users.models import User
from devstack.supabase import LocalSupabase
from tests.extensions.api_keys.conftest import KEYS, ME, MakeKey, bearer
from tests.support.people import Person, SignIn

BODY: dict[str, Any] = {"name": "CI", "scopes": ["users:read"]}


def days(key: dict[str, Any]) -> float:
    """The lifetime of a key."""
    times = [datetime.fromisoformat(key[name]) for name in ("created_at", "expires_at")]
    return (times[1] - times[0]) / timedelta(days=1)


async def test_a_key_is_shown_once_and_stored_as_a_hash(
    client: AsyncClient, ada: Person, session: AsyncSession
) -> None:
    answer = await client.post(KEYS, json=BODY, headers=ada.headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    created = answer.json()
    text = created.pop("key")
    secret = text.split("_")[2]
    assert (await client.get(ME, headers=bearer(text))).status_code == 200

    listed = await client.get(KEYS, headers=ada.headers)
    read = await client.get(f"{KEYS}/{created['id']}", headers=ada.headers)
    assert listed.json()["items"] == [read.json()] == [created]
    assert created["start"] == text[: len(created["start"])]
    for shown in (listed.text, read.text):
        assert secret[4:] not in shown

    row = await session.get(ApiKey, UUID(created["id"]))
    assert row is not None
    assert row.secret_hash == key_format.hash_of(text)
    assert secret[4:] not in repr(row.model_dump())


async def test_defaults_and_limits_of_the_settings(
    client: AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = (await client.post(KEYS, json=BODY, headers=ada.headers)).json()
    assert days(created) == load_settings(ApiKeySettings).default_days
    body = BODY | {"expires_in_days": 366}
    answer = await client.post(KEYS, json=body, headers=ada.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "expiry_too_late")

    few = ApiKeySettings(max_per_user=2)
    monkeypatch.setattr(service, "load_settings", lambda _: few)
    second = await client.post(KEYS, json=BODY, headers=ada.headers)
    refused = await client.post(KEYS, json=BODY, headers=ada.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_api_keys")
    # A rotation does not need a free place, and a key that has ended frees one.
    path = f"{KEYS}/{second.json()['id']}"
    renewed = await client.post(f"{path}/rotate", json={}, headers=ada.headers)
    assert renewed.status_code == 201
    await client.post(f"{KEYS}/{renewed.json()['id']}/revoke", headers=ada.headers)
    assert (await client.post(KEYS, json=BODY, headers=ada.headers)).status_code == 201


async def test_requests_at_once_do_not_exceed_the_number_of_keys(
    committed: AsyncClient,
    running_app: FastAPI,
    committed_owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = ApiKeySettings(max_per_user=3)
    monkeypatch.setattr(service, "load_settings", lambda _: few)

    async def create() -> None:
        async with running_app.state.database.session() as session:
            await service.create(session, committed_owner.id, ApiKeyCreate(**BODY), address="here")

    done = await asyncio.gather(*(create() for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in done if each] == [ConflictError] * 7


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["users:read", "users:rule"]}, "unknown_scope"),
        ({"scopes": []}, "invalid_request"),
        ({"name": " "}, "invalid_request"),
        ({"expires_in_days": 0}, "invalid_request"),
        ({"networks": ["203.0.113.300"]}, "invalid_request"),
        ({"networks": ["10.0.0.1/8"]}, "invalid_request"),
        ({"networks": [1]}, "invalid_request"),
        ({"owner_id": str(UUID(int=0))}, "invalid_request"),
    ],
)
async def test_wrong_values(
    client: AsyncClient, ada: Person, changes: dict[str, Any], code: str
) -> None:
    answer = await client.post(KEYS, json=BODY | changes, headers=ada.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_networks_are_stored_as_networks(client: AsyncClient, ada: Person) -> None:
    mapped = ["::ffff:203.0.113.7", "::ffff:10.0.0.0/104", "::ffff:0:0/96"]
    body = BODY | {"networks": ["203.0.113.7", "2001:DB8::/32", "::/0", *mapped]}
    answer = await client.post(KEYS, json=body, headers=ada.headers)
    as_ipv4 = ["203.0.113.7/32", "10.0.0.0/8", "0.0.0.0/0"]
    assert answer.json()["networks"] == ["203.0.113.7/32", "2001:db8::/32", "::/0", *as_ipv4]


async def test_scopes_are_listed(client: AsyncClient, ada: Person) -> None:
    answer = await client.get(f"{KEYS}/scopes", headers=ada.headers)
    assert answer.json() == known_scopes()
    assert {"users:read", "tasks:read", "tasks:write"} <= set(answer.json())


async def test_only_a_live_session_creates_keys(
    client: AsyncClient, ada: Person, supabase: LocalSupabase
) -> None:
    """A token that stays valid after its session ended must not become a key for a year."""
    created = (await client.post(KEYS, json=BODY, headers=ada.headers)).json()
    supabase.auth.end_sessions(supabase.user(ada.email))
    for path in (KEYS, f"{KEYS}/{created['id']}/rotate"):
        answer = await client.post(path, json={} if "rotate" in path else BODY, headers=ada.headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    # Ending a key is always possible.
    revoked = await client.post(f"{KEYS}/{created['id']}/revoke", headers=ada.headers)
    assert revoked.status_code == 200


async def test_keys_of_others_do_not_exist(
    client: AsyncClient, ada: Person, sign_in: SignIn, make_key: MakeKey
) -> None:
    key = await make_key(await sign_in())
    assert (await client.get(KEYS, headers=ada.headers)).json()["items"] == []
    for method, path in (("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        answer = await client.request(
            method, f"{KEYS}/{key.id}{path}", json={}, headers=ada.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "api_key_not_found")
    assert (await client.get(ME, headers=key.headers)).status_code == 200


async def test_a_rotated_key_overlaps_with_the_new_one(
    client: AsyncClient, ada: Person, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await make_key(ada, expires_in_days=30, networks=["127.0.0.0/8"])
    assert (await client.get(ME, headers=old.headers)).status_code == 200  # it is cached
    path = f"{KEYS}/{old.id}/rotate"
    answer = await client.post(path, json={"overlap_hours": 2}, headers=ada.headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    new = answer.json()
    before = (await client.get(f"{KEYS}/{old.id}", headers=ada.headers)).json()
    assert before["replaced_by"] == new["id"]
    same = ("name", "scopes", "networks")
    assert [new[name] for name in same] == [before[name] for name in same]
    assert days(new) == 30
    for headers in (old.headers, bearer(new["key"])):
        assert (await client.get(ME, headers=headers)).status_code == 200

    again = await client.post(path, json={}, headers=ada.headers)
    assert (again.status_code, again.json()["code"]) == (409, "api_key_ended")

    later = utcnow() + timedelta(hours=2)
    monkeypatch.setattr(verification, "utcnow", lambda: later)
    answer = await client.get(ME, headers=old.headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_expired")
    assert (await client.get(ME, headers=bearer(new["key"]))).status_code == 200


async def test_a_rotation_without_overlap_ends_the_old_key_at_once(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    old = await make_key(ada)
    assert (await client.get(ME, headers=old.headers)).status_code == 200
    path = f"{KEYS}/{old.id}/rotate"
    await client.post(path, json={"overlap_hours": 0}, headers=ada.headers)
    answer = await client.get(ME, headers=old.headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_expired")


async def test_a_chain_of_rotations_has_two_valid_keys(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    first = await make_key(ada)
    keys, key_id = [first.headers], str(first.id)
    for _ in range(3):
        assert (await client.get(ME, headers=keys[-1])).status_code == 200  # it is cached
        answer = await client.post(f"{KEYS}/{key_id}/rotate", json={}, headers=ada.headers)
        key_id = answer.json()["id"]
        keys.append(bearer(answer.json()["key"]))
    answers = [(await client.get(ME, headers=headers)).status_code for headers in keys]
    assert answers == [401, 401, 200, 200]


async def test_a_rotation_does_not_prolong_the_old_key(
    client: AsyncClient, ada: Person, make_key: MakeKey
) -> None:
    old = await make_key(ada, expires_in_days=1)
    before = (await client.get(f"{KEYS}/{old.id}", headers=ada.headers)).json()
    path = f"{KEYS}/{old.id}/rotate"
    await client.post(path, json={"overlap_hours": 168}, headers=ada.headers)
    after = (await client.get(f"{KEYS}/{old.id}", headers=ada.headers)).json()
    assert after["expires_at"] == before["expires_at"]


async def test_a_rotated_key_is_valid_for_no_longer_than_a_new_one(
    client: AsyncClient, ada: Person, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await make_key(ada, expires_in_days=300)
    shorter = ApiKeySettings(default_days=30, max_days=30)
    monkeypatch.setattr(service, "load_settings", lambda _: shorter)
    answer = await client.post(f"{KEYS}/{old.id}/rotate", json={}, headers=ada.headers)
    assert days(answer.json()) == 30
