"""Keys on the admin site, and in its audit log."""

import json

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.api_keys import key_format, service, uses
from app.extensions.api_keys.history import commit
from app.extensions.api_keys.schemas import ApiKeyCreate
from tests.extensions.admin.browser import Browser
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.admin.test_impersonation import acting_as
from tests.extensions.api_keys.conftest import HERE, KEYS, ME, MakeKey, bearer
from tests.support.logs import rendered
from tests.support.people import Person, SignIn


async def test_an_admin_sees_keys_without_their_secrets_and_revokes_one(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    client: AsyncClient,
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    key = await make_key(ada)
    assert (await client.get(ME, headers=key.headers)).status_code == 200
    secret, stored = key.text.split("_")[2], key_format.hash_of(key.text).hex()
    for path in ("list", f"details/{key.id}"):
        page = (await browser.get(f"/api-key/{path}")).text
        assert key_format.start_of(key.text) in page
        assert secret not in page
        assert stored not in page
    url = f"/api-key/action/revoke?pks={key.id}"
    assert (await browser.post(url, reason="leaked")).status_code == 303
    answer = await client.get(ME, headers=key.headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_revoked")
    recorded = await entries(session, subject_id=str(key.id))
    (entry,) = [entry for entry in recorded if entry.action != "created"]
    assert entry.action == "revoke"
    assert (entry.actor_id, entry.reason, entry.subject_id) == (admin.id, "leaked", str(key.id))
    (line,) = [line for line in rendered(caplog) if "api_key_revoked" in line]
    assert json.loads(line)["actor_id"] == str(admin.id)


async def test_what_owners_do_is_in_the_audit_log(
    client: AsyncClient, ada: Person, session: AsyncSession
) -> None:
    body = {"name": "CI", "scopes": ["users:read"]}
    created = (await client.post(KEYS, json=body, headers=ada.headers)).json()
    renewed = await client.post(f"{KEYS}/{created['id']}/rotate", json={}, headers=ada.headers)
    await client.post(f"{KEYS}/{renewed.json()['id']}/revoke", headers=ada.headers)
    found = [entry for entry in await entries(session) if entry.subject == "api_keys"]
    assert [(entry.action, entry.subject_id) for entry in sorted(found, key=lambda e: e.id)] == [
        ("created", created["id"]),
        ("rotated", created["id"]),
        ("created", renewed.json()["id"]),
        ("revoked", renewed.json()["id"]),
    ]
    assert {entry.actor_id for entry in found} == {ada.id}
    assert {entry.address for entry in found} == {"127.0.0.1"}
    assert all(entry.request_id for entry in found)
    assert created["key"] not in str([entry.model_dump() for entry in found])


async def test_a_new_address_is_in_the_audit_log(
    ada: Person, make_key: MakeKey, session: AsyncSession
) -> None:
    key = await make_key(ada)
    uses.current.note(key.id, "198.51.100.1")
    for _ in range(2):
        await commit(session, await uses.store(session, uses.current._last))
    (entry,) = await entries(session, action="new_address")
    assert (entry.subject_id, entry.address) == (str(key.id), "198.51.100.1")
    (created,) = await entries(session, action="created")
    assert created.address == HERE


async def test_an_admin_who_acts_as_a_user_cannot_create_keys(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    client: AsyncClient,
    sign_in: SignIn,
) -> None:
    """The key would outlive the minutes for which the admin may act."""
    person = await sign_in()
    headers = bearer(await acting_as(browser, person))
    assert (await client.get(KEYS, headers=headers)).status_code == 200
    body = {"name": "CI", "scopes": ["users:read"]}
    answer = await client.post(KEYS, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


async def test_a_key_is_found_by_what_a_feature_knows_about_it(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    ada: Person,
    make_key: MakeKey,
    session: AsyncSession,
) -> None:
    key, other = await make_key(ada), await make_key(ada)
    await service.set_attribute(session, key.id, "team", "apollo-7", address=HERE)
    page = (await browser.get("/api-key/list", search="apollo-7")).text
    assert f"/details/{key.id}" in page
    assert f"/details/{other.id}" not in page


async def test_the_audit_log_names_the_one_who_made_a_key_and_not_the_owner(
    ada: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    maker = await sign_in()
    values = ApiKeyCreate(name="CI", scopes=["users:read"])
    key, _ = await service.create(session, ada.id, values, address=HERE, actor_id=maker.id)
    await service.set_attribute(session, key.id, "plan", "large", address=HERE)
    await service.revoke(session, None, key.id, address=HERE, actor_id=maker.id)
    found = await entries(session, subject_id=str(key.id))
    assert {(each.action, each.actor_id) for each in found} == {
        ("created", maker.id),
        ("changed", ada.id),
        ("revoked", maker.id),
    }
