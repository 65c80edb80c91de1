"""Views: their lists, links, filters, exports, and who sees them."""

import csv
import re
from datetime import timedelta
from html import escape
from io import StringIO
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin.models import AuditEntry
from app.extensions.admin.redaction import is_secret
from app.extensions.admin.site import mount
from app.extensions.admin.views import MAX_ROWS, View
from app.extensions.users.models import Role, Status, User
from app.features.items.models import Item
from tests.extensions.admin.browser import Browser
from tests.extensions.users.factories import UserFactory
from tests.features.items.factories import ItemFactory
from tests.support.canaries import canaries, told
from tests.support.people import Person, SignIn
from tests.support.sample import OF_USERS, belongings

HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"


@pytest.fixture
async def rows(session: AsyncSession, admin: Person) -> dict[str, str]:
    """Rows with `HOSTILE` in all their texts: identity of the view -> key of the row."""
    user = User(
        id=uuid4(),
        email=HOSTILE,
        display_name=HOSTILE,
        role=Role.USER,
        status=Status.PENDING,
    )
    task = TaskRecord(
        name=HOSTILE,
        arguments={HOSTILE: HOSTILE},
        owner_id=user.id,
        request_id=HOSTILE[:64],
        ordered_by=HOSTILE,
        state=TaskState.FAILURE,
        ended_at=utcnow(),
        result={"said": [HOSTILE]},
        reason=HOSTILE,
        error=HOSTILE,
    )
    entry = AuditEntry(
        actor_id=user.id,
        actor_email=HOSTILE,
        action=HOSTILE[:50],
        subject=HOSTILE,
        subject_id=HOSTILE,
        reason=HOSTILE,
        before={"x": HOSTILE},
        after={HOSTILE: "x"},
        address=HOSTILE[:64],
    )
    session.add(user)
    await session.flush()
    item = Item(**await belongings(session, user.id), title=HOSTILE, notes=HOSTILE)
    session.add_all([item, task, entry])
    await session.commit()
    return {
        "user": str(user.id),
        "item": str(item.id),
        "task-record": str(task.id),
        "audit-entry": str(entry.id),
    }


async def test_values_of_rows_are_escaped(browser: Browser, rows: dict[str, str]) -> None:
    pages = ["/", "/item/edit/" + rows["item"], "/user/edit/" + rows["user"]]
    pages += [f"/user/action/suspend?pks={rows['user']}"]
    for identity, key in rows.items():
        pages += [f"/{identity}/list", f"/{identity}/details/{key}"]
    for page in pages:
        answer = await browser.get(page)
        assert answer.status_code == 200, page
        for raw in ("<script>alert", "<img src=x", "'><img", "&lt;script&gt;49"):
            assert raw not in answer.text, (page, raw)
        assert escape("<script>alert")[:16] in answer.text, page


async def test_values_of_requests_are_escaped(browser: Browser, admin: Person) -> None:
    for query in ("search", "subject_id", "created_at_from", "error", "actor_id"):
        answer = await browser.get("/audit-entry/list", **{query: HOSTILE})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text, query
        assert "<img src=x" not in answer.text, query
    await browser.post("/logout")
    answer = await browser.get("/login", next=HOSTILE)
    assert "<script>alert" not in answer.text
    answer = await browser.post("/login", email=HOSTILE, password="x", next=HOSTILE)
    assert answer.status_code == 401
    assert "<script>alert" not in answer.text


async def test_support_reads_and_cannot_change(
    browser: Browser, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    item = ItemFactory.build(**await belongings(session, person.id), title="Tea")
    session.add(item)
    await session.commit()
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    for page in (
        "/",
        "/user/list",
        f"/user/details/{person.id}",
        f"/item/details/{item.id}",
        "/item/export/csv",
        "/task-record/list",
        "/audit-entry/list",
    ):
        answer = await browser.get(page)
        assert answer.status_code == 200, page
        for word in ("/action/", "/edit/", 'data-bs-target="#modal-delete"', "Sign in as"):
            assert word not in answer.text, (page, word)
    for page in (
        f"/user/edit/{person.id}",
        f"/item/edit/{item.id}",
        "/item/create",
        f"/user/action/suspend?pks={person.id}",
        f"/user/action/sign-in-as?pks={person.id}",
        "/acting",
    ):
        assert (await browser.get(page)).status_code == 403, page
        assert (await browser.post(page, reason="x", title="X")).status_code in (403, 405), page
    assert (await browser.delete(f"/item/delete?pks={item.id}")).status_code == 403
    assert "Tea" in (await browser.get(f"/item/details/{item.id}")).text


async def test_the_audit_log_cannot_be_changed(
    browser: Browser, admin: Person, rows: dict[str, str]
) -> None:
    key = rows["audit-entry"]
    assert (await browser.post(f"/audit-entry/edit/{key}", action="x")).status_code == 403
    assert (await browser.post("/audit-entry/create", action="x")).status_code == 403
    assert (await browser.delete(f"/audit-entry/delete?pks={key}")).status_code == 403


class Base(DeclarativeBase):
    """Tables of this module only."""


class Key(Base):
    """A table with secrets."""

    __tablename__ = "keys"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    api_token: Mapped[str]
    password_hash: Mapped[str]


class KeyAdmin(View, model=Key):
    """A view that lists the secrets."""

    column_list: ClassVar = ["label", "api_token"]
    column_details_list = "__all__"
    column_export_list: ClassVar = ["label", "password_hash"]
    form_columns: ClassVar = ["label", "api_token"]


def test_secrets_are_never_shown() -> None:
    view = KeyAdmin()
    assert view.get_list_columns() == ["label"]
    assert view.get_details_columns() == ["id", "label"]
    assert view.get_export_columns() == ["label"]
    assert view.get_form_columns() == ["label"]


async def test_no_page_shows_a_secret_of_the_settings(
    browser: Browser, rows: dict[str, str]
) -> None:
    menu = set(re.findall(r'href="[^"]*/admin(/[^"]*)"', (await browser.get("/")).text))
    details = {f"/{identity}/details/{key}" for identity, key in rows.items()}
    pages = {path for path in menu if "/statics/" not in path} - {"/logout"} | details
    assert len(pages) > len(details)
    for page in sorted(pages):
        answer = await browser.get(page)
        assert answer.status_code == 200, page
        assert told(answer.text, *canaries()) == []


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("reset_token", True),
        ("client_secret", True),
        ("api_key", True),
        ("apikey", True),
        ("backup_tokens", True),
        ("tokens_used", True),
        ("tokenizer", False),
        ("secretary", False),
        ("key", False),
        ("position", False),
    ],
)
def test_a_secret_is_recognized_by_its_name(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


async def test_a_list_is_searched_filtered_and_sorted(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    now = utcnow()
    keys = await belongings(session, admin.id)
    for title, days in (("100%", 0), ("1000", 2), ("other", 9)):
        session.add(ItemFactory.build(**keys, title=title, created_at=now - timedelta(days=days)))
    await session.commit()

    async def titles(**query: str) -> list[str]:
        answer = await browser.get("/item/export/csv", **query)
        listed = await browser.get("/item/list", **query)
        found = [row["Title"] for row in csv.DictReader(StringIO(answer.text))]
        # The list shows the same rows as the export.
        assert all(f">{title}<" in listed.text for title in found)
        assert f"of {len(found)} items" in listed.text
        return found

    today = f"{now:%Y-%m-%d}"
    assert await titles() == ["100%", "1000", "other"]
    assert await titles(search="100%") == ["100%"]
    assert await titles(sortBy="title", sort="desc") == ["other", "1000", "100%"]
    assert await titles(created_at_from=today) == ["100%"]
    assert await titles(created_at_until=f"{now - timedelta(days=1):%Y-%m-%d}") == ["1000", "other"]
    assert await titles(created_at_from="2026-02-30") == ["100%", "1000", "other"]


@pytest.mark.skipif(not OF_USERS, reason="the items of this project do not belong to users")
async def test_a_list_is_filtered_by_a_user(
    browser: Browser, admin: Person, sign_in: SignIn, session: AsyncSession
) -> None:
    owner = await sign_in()
    for title, whose in (("first", owner), ("second", owner), ("other", admin)):
        session.add(ItemFactory.build(owner_id=whose.id, title=title))
    await session.commit()

    async def titles(owner_id: str) -> list[str]:
        answer = await browser.get("/item/export/csv", owner_id=owner_id, sortBy="title")
        return [row["Title"] for row in csv.DictReader(StringIO(answer.text))]

    assert await titles(str(owner.id)) == ["first", "second"]
    assert await titles(owner.email.upper()) == ["first", "second"]
    assert await titles("nobody@example.com") == []


@pytest.mark.skipif(not OF_USERS, reason="the items of this project do not belong to users")
async def test_rows_link_to_related_rows(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    item = ItemFactory.build(owner_id=admin.id)
    session.add(item)
    await session.commit()
    link = f'/admin/user/details/{admin.id}">{admin.email}</a>'
    assert link in (await browser.get("/item/list")).text
    assert link in (await browser.get(f"/item/details/{item.id}")).text
    shown = (await browser.get(f"/user/details/{admin.id}")).text
    assert f"/admin/item/list?owner_id={admin.id}" in shown
    assert f"/admin/audit-entry/list?subject_id={admin.id}" in shown


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/user/details/1", 404),
        (f"/user/details/{UUID(int=0)}", 404),
        ("/user/edit/1", 404),
        ("/nothing/list", 404),
        ("/user/nothing", 404),
        ("/user/action/suspend", 400),
        ("/user/action/suspend?pks=1", 404),
        ("/user/list?sortBy=id%3Bdrop", 400),
        ("/user/list?page=x", 400),
        ("/user/list?page=999999999999&pageSize=100", 302),
        ("/user/list?status=nothing&role=nobody", 200),
        ("/user/list?search=%00", 422),
        ("/user/export/xml", 404),
    ],
)
async def test_a_wrong_url_gets_an_error_page(
    browser: Browser, admin: Person, path: str, status: int
) -> None:
    answer = await browser.get(path)
    assert answer.status_code == status
    if status >= 400:
        assert "<!DOCTYPE html>" in answer.text
        assert "Traceback" not in answer.text


async def test_an_export_has_no_formulas(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    session.add(ItemFactory.build(**await belongings(session, admin.id), title="=HYPERLINK(1)"))
    await session.commit()
    answer = await browser.get("/item/export/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK(1)" in answer.text


async def test_the_count_of_a_large_table_is_limited(
    browser: Browser, admin: Person, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_ROWS == 10_000
    monkeypatch.setattr("app.extensions.admin.views.MAX_ROWS", 30)
    keys = await belongings(session, admin.id)
    session.add_all([ItemFactory.build(**keys) for _ in range(30)])
    await session.commit()
    answer = await browser.get("/item/list")
    assert ("of 30 items" in answer.text, 'id="more-rows"' in answer.text) == (True, False)
    session.add(ItemFactory.build(**keys))
    await session.commit()
    answer = await browser.get("/item/list", page="2")
    assert ("of 30 items" in answer.text, 'id="more-rows"' in answer.text) == (True, True)


async def test_pending_users_come_first(
    browser: Browser, admin: Person, session: AsyncSession
) -> None:
    old = utcnow() - timedelta(days=400)
    waiting = UserFactory.build(status=Status.PENDING, created_at=old, email="waits@example.com")
    session.add(waiting)
    await session.commit()
    shown = (await browser.get("/user/list")).text.partition("<tbody>")[2]
    assert 0 < shown.index("waits@example.com") < shown.index(admin.email)
    assert "/admin/user/list?status=pending" in (await browser.get("/")).text


async def test_the_dashboard_shows_the_state_of_the_backend(
    browser: Browser, admin: Person, rows: dict[str, str]
) -> None:
    shown = (await browser.get("/")).text
    failed = f"/task-record/details/{rows['task-record']}"
    for words in ("at head", "Postgres", "Last errors", failed):
        assert words in shown


async def test_the_site_of_a_second_api_takes_no_views_over(
    browser: Browser, admin: Person
) -> None:
    mount(FastAPI())
    assert admin.email in (await browser.get("/user/list")).text
