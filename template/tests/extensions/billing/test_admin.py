"""Billing on the admin site."""

from sqlmodel import select

from app.core.tasks.models import TaskRecord
from app.extensions.billing.models import events
from tests.extensions.admin.browser import Browser
from tests.extensions.admin.conftest import admin, browser, no_sessions  # noqa: F401 - fixtures
from tests.extensions.admin.test_audit import entries
from tests.extensions.billing.shop import Shop
from tests.support.people import Person, SignIn


async def test_rows_link_to_the_dashboard_of_their_mode(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    shop: Shop,
    sign_in: SignIn,
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    for view, folder in (
        ("customer", "customers"),
        ("subscription", "subscriptions"),
        ("invoice", "invoices"),
        ("event", "events"),
    ):
        page = await browser.get(f"/{view}/list")
        assert page.status_code == 200, view
        assert f"https://dashboard.stripe.com/test/{folder}/" in page.text
    dashboard = (await browser.get("/")).text
    assert "30.00 EUR" in dashboard


async def test_an_event_is_replayed_and_recorded(
    browser: Browser,  # noqa: F811
    admin: Person,  # noqa: F811
    shop: Shop,
    sign_in: SignIn,
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (paid,) = shop.events("invoice.paid")
    answer = await browser.post(f"/event/action/replay?pks={paid.id}", reason="It was wrong")
    assert answer.status_code == 303, answer.text
    assert await shop.waiting() == [paid.id]
    (row,) = [row for row in await shop.rows(events) if row["id"] == paid.id]
    known = await shop.session.exec(select(TaskRecord).where(TaskRecord.id == row["task_id"]))
    assert known.one().arguments == {"event_id": paid.id}
    await shop.process(paid.id)
    recorded = [each for each in await entries(shop.session) if each.action == "replay"]
    assert [(each.subject, each.subject_id) for each in recorded] == [("billing_events", paid.id)]
