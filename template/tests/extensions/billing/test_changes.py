"""Changes of a subscription: previewed, paid at once, or refused as a whole."""

from typing import Any

import pytest
from sqlalchemy import update

from app.extensions.billing.models import invoices, subscriptions
from tests.extensions.billing.shop import API, Shop
from tests.support.people import Person, SignIn

PATH = f"{API}/subscription"


async def change(shop: Shop, person: Person, **order: Any) -> Any:
    return await shop.api.patch(PATH, json=order, headers=person.headers)


async def total(shop: Shop, person: Person) -> int:
    return sum(row["total"] for row in await shop.rows(invoices, person.id))


@pytest.mark.parametrize(
    ("price", "order"),
    [
        ("basic_monthly", {"price": "pro_monthly"}),
        ("pro_monthly", {"price": "pro_yearly"}),
        ("pro_monthly", {"price": "basic_monthly"}),
        ("team_monthly", {"seats": 4}),
    ],
    ids=["up", "yearly", "down", "seats"],
)
async def test_a_change_costs_what_its_preview_says(
    shop: Shop, sign_in: SignIn, price: str, order: dict[str, Any]
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, price)
    await shop.deliver()
    shop.control("advance", seconds=10 * 86400)
    before = await total(shop, person)
    preview = await shop.api.post(f"{PATH}/preview", json=order, headers=person.headers)
    assert preview.status_code == 200, preview.text
    assert len(preview.json()["lines"]) == 2
    (unchanged,) = await shop.rows(subscriptions, person.id)
    assert (unchanged["price"], unchanged["seats"]) == (price, 1)
    changed = await change(shop, person, **order)
    assert changed.status_code == 200, changed.text
    for name, value in order.items():
        assert changed.json()[name] == value
    await shop.deliver()
    # A second may have passed between the two.
    assert await total(shop, person) - before == pytest.approx(preview.json()["total"], abs=2)
    for name, value in order.items():
        assert (await shop.plan(person.headers))[name] == value


async def test_a_change_during_a_trial_costs_nothing(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "trial_monthly")
    await shop.deliver()
    order = {"price": "pro_monthly"}
    preview = await shop.api.post(f"{PATH}/preview", json=order, headers=person.headers)
    assert preview.json() == {"amount_due": 0, "total": 0, "currency": "eur", "lines": []}
    changed = (await change(shop, person, **order)).json()
    assert (changed["plan"], changed["status"]) == ("pro", "trialing")
    await shop.deliver()
    assert await total(shop, person) == 0


async def test_a_subscription_keeps_its_currency(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    await shop.session.exec(update(subscriptions).values(currency="usd"))
    await shop.session.commit()
    plan = await shop.plan(person.headers)
    assert [plan[name] for name in ("amount", "currency", "interval")] == [1000, "usd", "month"]
    order = {"price": "pro_monthly"}
    for method, path in (("POST", f"{PATH}/preview"), ("PATCH", PATH)):
        answer = await shop.api.request(method, path, json=order, headers=person.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "other_currency")


async def test_a_refused_payment_changes_nothing(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    (row,) = await shop.rows(subscriptions, person.id)
    method = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": (shop.v1.customers.list().data[0]).id}
    )
    shop.v1.subscriptions.update(row["stripe_id"], {"default_payment_method": method.id})
    answer = await change(shop, person, price="pro_monthly")
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_refused")
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "basic"


async def test_a_cancelled_plan_stays_until_its_period_ends(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    for path, cancelled in (("cancel", True), ("resume", False), ("cancel", True)):
        answer = await shop.api.post(f"{PATH}/{path}", headers=person.headers)
        assert answer.json()["cancel_at_period_end"] is cancelled
        assert answer.json()["plan"] == "pro"
    await shop.deliver()
    shop.control("advance", seconds=32 * 86400)
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"]) == ("free", None)
    assert len(await shop.rows(invoices, person.id)) == 1


@pytest.mark.parametrize("path", ["preview", "cancel", "resume", "refresh"])
async def test_nothing_to_change_without_a_subscription(
    shop: Shop, sign_in: SignIn, path: str
) -> None:
    person = await sign_in()
    answer = await shop.api.post(f"{PATH}/{path}", json={}, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_subscribed")


async def test_seats_have_a_limit(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "team_monthly", seats=10)
    await shop.deliver()
    answer = await change(shop, person, seats=11)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_seats")
    # Another plan may allow fewer.
    answer = await change(shop, person, price="pro_monthly")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_seats")


@pytest.mark.parametrize("what", ["cancel", "resume", "preview", "change"])
async def test_a_subscription_that_has_just_ended_at_stripe(
    shop: Shop, sign_in: SignIn, what: str
) -> None:
    """The webhook has not come yet."""
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    (known,) = shop.v1.subscriptions.list().data
    shop.v1.subscriptions.cancel(known.id)
    order = {"price": "pro_monthly"}
    if what == "change":
        answer = await shop.api.patch(PATH, json=order, headers=person.headers)
    else:
        answer = await shop.api.post(f"{PATH}/{what}", json=order, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_subscribed")
    assert (await shop.plan(person.headers))["plan"] == "free"
