"""Mails about payments that fail."""

from typing import Any

from sqlmodel import col, select

from app.extensions.email.models import MailRecord
from tests.extensions.billing.shop import Shop
from tests.extensions.billing.test_payment_failures import MONTH, subscribe_and_fail
from tests.support.people import SignIn


async def mails(shop: Shop) -> list[tuple[str, Any]]:
    statement = (
        select(MailRecord)
        .where(col(MailRecord.name).startswith("billing_email."))
        .order_by(col(MailRecord.created_at))
    )
    found = (await shop.session.exec(statement)).all()
    return [(each.name.removeprefix("billing_email."), each.data) for each in found]


async def test_each_failed_attempt_is_told_once(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await subscribe_and_fail(shop, person)
    told = await mails(shop)
    assert {name for name, _ in told} == {"payment_failed"}
    assert told[0][1]["to"] == person.email
    assert told[0][1]["amount"] == "30.00 EUR"
    assert told[0][1]["next_attempt"]
    (unpaid,) = shop.v1.invoices.list({"status": "open"}).data
    assert len(told) <= unpaid.attempt_count
    shop.delivered.clear()
    await shop.deliver(shop.events("invoice.payment_failed"))
    assert await mails(shop) == told


async def test_the_end_is_told_once(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await subscribe_and_fail(shop, person)
    shop.control("advance", seconds=MONTH)
    await shop.deliver()
    ended = [data for name, data in await mails(shop) if name == "plan_ended"]
    assert [(each["to"], each["plan"]) for each in ended] == [(person.email, "Pro")]


async def test_who_cancels_gets_no_mail(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (known,) = shop.v1.subscriptions.list().data
    shop.v1.subscriptions.cancel(known.id)
    await shop.deliver()
    assert await mails(shop) == []
