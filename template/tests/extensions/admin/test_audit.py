"""The audit log records every change with its actor and the values before and after."""

from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.admin.models import AuditEntry
from app.extensions.admin.redaction import MASK, MAX_LENGTH, redact
from app.extensions.users.models import Role, Status, User
from app.features.items.models import Item
from tests.extensions.admin.browser import Browser, codes
from tests.features.items.factories import ItemFactory
from tests.support.people import Person, SignIn
from tests.support.sample import belongings


async def entries(session: AsyncSession, **wanted: Any) -> list[AuditEntry]:
    statement = select(AuditEntry).order_by(col(AuditEntry.created_at), col(AuditEntry.id))
    return [
        entry
        for entry in await session.exec(statement)
        if all(getattr(entry, name) == value for name, value in wanted.items())
    ]


@pytest.fixture
async def item(session: AsyncSession, admin: Person) -> Item:
    item = ItemFactory.build(
        **await belongings(session, admin.id), title="Tea", notes=None, done=False
    )
    session.add(item)
    await session.commit()
    return item


async def test_signing_in_and_out_is_recorded(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    await browser.post("/logout")
    signed_in, signed_out = await entries(session, actor_id=admin.id)
    assert (signed_in.action, signed_out.action) == ("sign_in", "sign_out")
    assert (signed_in.actor_email, signed_in.address) == (admin.email, "127.0.0.1")
    assert signed_in.request_id


async def test_an_edit_is_recorded_with_the_values_before_it(
    browser: Browser, admin: Person, item: Item, session: AsyncSession
) -> None:
    await browser.get(f"/item/edit/{item.id}")
    answer = await browser.post(f"/item/edit/{item.id}", title="Coffee", notes="", save="Save")
    assert answer.status_code == 302
    (entry,) = await entries(session, subject="items")
    assert (entry.action, entry.subject_id, entry.actor_id) == ("update", str(item.id), admin.id)
    assert entry.before
    assert entry.after
    assert (entry.before["title"], entry.after["title"]) == ("Tea", "Coffee")
    assert entry.after.keys() == {"title", "updated_at"} or entry.after.keys() == {"title"}
    await session.refresh(item)
    assert item.title == "Coffee"


async def test_a_deleted_row_is_recorded_with_its_values(
    browser: Browser, item: Item, session: AsyncSession
) -> None:
    await browser.delete(f"/item/delete?pks={item.id}")
    (entry,) = await entries(session, action="delete")
    assert entry.before
    assert (entry.before["title"], entry.after) == ("Tea", None)


async def test_a_change_that_fails_is_not_recorded(
    browser: Browser, item: Item, session: AsyncSession
) -> None:
    answer = await browser.post(f"/item/edit/{item.id}", title="x" * 201, save="Save")
    assert answer.status_code == 400
    # Postgres refuses it, after the form was accepted.
    answer = await browser.post(f"/item/edit/{item.id}", title="a\0b", save="Save")
    assert answer.status_code == 400
    assert await entries(session, subject="items") == []


async def test_an_export_is_recorded(browser: Browser, item: Item, session: AsyncSession) -> None:
    await browser.get("/item/export/csv", search="Tea")
    (entry,) = await entries(session, action="export")
    assert (entry.subject, entry.after) == ("items", {"rows": 1, "query": "search=Tea"})


async def test_an_action_is_recorded_by_its_name_with_the_reason(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    await browser.post(f"/user/action/suspend?pks={person.id}", reason="Spam")
    (entry,) = await entries(session, subject_id=str(person.id))
    assert (entry.action, entry.subject, entry.reason) == ("suspend", "users", "Spam")
    assert entry.before
    assert entry.after
    assert (entry.before["status"], entry.after["status"]) == ("approved", "suspended")
    shown = await browser.get("/audit-entry/list", subject_id=str(person.id))
    assert "Spam" in shown.text


async def test_a_change_through_the_api_is_not_recorded(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    path = f"/api/v1/users/{person.id}/suspend"
    assert (await browser.client.post(path, headers=admin.headers)).status_code == 200
    assert await entries(session, subject_id=str(person.id)) == []


def test_the_log_holds_no_secrets_and_limits_lengths() -> None:
    row = {
        "title": "Tea",
        "password": "p",
        "api_token": None,
        "settings": {"deep": [{"client_secret": "s", "name": "n"}]},
        "text": "x" * (MAX_LENGTH + 1),
        "raw": b"\xff",
        "vector": [0.0] * (MAX_LENGTH + 1),
        "id": uuid4(),
    }
    kept = redact(row)
    assert (kept["title"], kept["password"], kept["api_token"]) == ("Tea", MASK, None)
    assert kept["settings"] == {"deep": [{"client_secret": MASK, "name": "n"}]}
    assert len(kept["text"]) == MAX_LENGTH + 1
    assert (kept["raw"], kept["vector"], kept["id"]) == ("(bytes)", "(list)", str(row["id"]))


async def test_roles_change_with_a_reason_and_the_last_admin_keeps_the_role(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    path = f"/user/action/make-admin?pks={person.id}"
    refused = await browser.post(path, reason=" ")
    assert (refused.status_code, codes(refused)) == (409, ["reason_required"])
    assert (await browser.post(path, reason="New colleague")).status_code == 303
    assert (await session.get_one(User, person.id)).role is Role.ADMIN
    back = f"/user/action/make-user?pks={person.id}"
    assert (await browser.post(back, reason="Mistake")).status_code == 303
    own = f"/user/action/make-user?pks={admin.id}"
    refused = await browser.post(own, reason="Why not")
    assert (refused.status_code, codes(refused)) == (409, ["last_admin"])
    assert (await session.get_one(User, admin.id)).role is Role.ADMIN


async def test_several_are_approved_at_once(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    people = [await sign_in(status=Status.PENDING) for _ in range(3)]
    me = people[0].headers
    assert (await browser.client.get("/api/v1/users/me", headers=me)).status_code == 403
    keys = ",".join(str(person.id) for person in people)
    asked = await browser.get("/user/action/approve", pks=keys)
    assert all(person.email in asked.text for person in people)
    answer = await browser.post(f"/user/action/approve?pks={keys}")
    assert answer.headers["location"].endswith("/admin/user/list")
    assert len(await entries(session, action="approve")) == 3
    assert (await browser.client.get("/api/v1/users/me", headers=me)).status_code == 200
