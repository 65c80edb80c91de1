"""The account is deleted: nothing more is paid, and the books stay."""

from typing import Any

import pytest
import stripe
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.billing.errors import ObjectMissingError
from app.extensions.billing.models import customers, invoices, subscriptions
from app.extensions.billing.service import closing
from app.extensions.users.models import User
from devstack.stripe import LocalStripe
from tests.extensions.billing.shop import Shop
from tests.support.people import Person, SignIn


async def delete(session: AsyncSession, person: Person) -> None:
    user = await session.get_one(User, person.id)
    user.deleted_at = utcnow()
    await session.commit()


async def test_the_subscription_of_a_deleted_user_ends(shop: Shop, sign_in: SignIn) -> None:
    gone, stays = await sign_in(), await sign_in()
    for person in (gone, stays):
        await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    page = await shop.api.post(
        "/api/v1/billing/purchases", json={"pack": "pack"}, headers=gone.headers
    )
    assert page.status_code == 200
    assert await closing.find_gone(shop.session) == ([], None)
    await delete(shop.session, gone)
    assert await closing.find_gone(shop.session) == ([gone.id], None)
    assert await closing.close(shop.session, gone.id) == 1
    await shop.session.commit()
    await shop.deliver()
    assert {each.status for each in shop.v1.subscriptions.list({"status": "all"}).data} == {
        "active",
        "canceled",
    }
    assert (await shop.plan(stays.headers))["plan"] == "pro"
    assert len(await shop.rows(invoices, gone.id)) == 1
    assert await closing.find_gone(shop.session) == ([], None)


async def test_an_open_checkout_is_no_way_back(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    page = await shop.checkout(person.headers, "pro_monthly")
    await delete(shop.session, person)
    await closing.close(shop.session, person.id)
    await shop.session.commit()
    assert (await shop.pay(page)).status_code == 410


async def test_a_customer_that_is_gone_at_stripe_needs_nothing(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (row,) = await shop.rows(customers, person.id)
    shop.v1.customers.delete(row["stripe_id"])
    await closing.close(shop.session, person.id)
    await shop.session.commit()
    (row,) = await shop.rows(customers, person.id)
    assert row["closed_at"]
    await shop.deliver()


async def test_a_customer_that_the_key_does_not_see_stays_open(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    await delete(shop.session, person)
    with monkeypatch.context() as patch, LocalStripe() as other:
        patch.setenv("BILLING_STRIPE_URL", other.url)
        load_settings.cache_clear()
        with pytest.raises(ObjectMissingError):
            await closing.close(shop.session, person.id)
        await shop.session.rollback()
    load_settings.cache_clear()
    assert await closing.find_gone(shop.session) == ([person.id], None)
    assert await closing.close(shop.session, person.id) == 1
    await shop.session.commit()
    await shop.deliver()


async def test_a_subscription_that_ends_meanwhile_does_not_keep_the_others(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (row,) = await shop.rows(customers, person.id)
    (known,) = shop.v1.subscriptions.list().data
    values = {"customer": row["stripe_id"], "items": [{"price": known["items"].data[0].price.id}]}
    newest = shop.v1.subscriptions.create(values)
    real = stripe.SubscriptionService.list_async

    async def slow(*arguments: Any) -> Any:
        found = await real(*arguments)
        shop.v1.subscriptions.cancel(newest.id)  # the first of the list
        return found

    monkeypatch.setattr(stripe.SubscriptionService, "list_async", slow)
    await delete(shop.session, person)
    assert await closing.close(shop.session, person.id) == 2
    await shop.session.commit()
    there = shop.v1.subscriptions.list({"status": "all"}).data
    assert [each.status for each in there] == ["canceled"] * 2
    ours = await shop.rows(subscriptions, person.id)
    assert [each["status"] for each in ours] == ["canceled"] * 2
    await shop.deliver()
