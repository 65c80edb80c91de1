"""Fourteen months of failures, recoveries, changes and cancellations: the books agree."""

import random
from typing import Any

import pytest

from tests.extensions.billing.books import agree, deliver_badly
from tests.extensions.billing.shop import API, Shop
from tests.support.people import Person, SignIn

DAY = 86400
PRICES = ("basic_monthly", "trial_monthly", "pro_monthly", "pro_yearly", "team_monthly")


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_the_books_agree_after_fourteen_months(
    shop: Shop, sign_in: SignIn, seed: int
) -> None:
    chance = random.Random(seed)
    people = [await sign_in() for _ in PRICES]
    for person, price in zip(people, PRICES, strict=True):
        await shop.subscribe(person.headers, price)
    for _ in range(14):
        await deliver_badly(shop, chance)
        await live(shop, chance, chance.choice(people))
        shop.control("advance", seconds=chance.randrange(20, 36) * DAY)
    await shop.deliver()
    await agree(shop)
    for person in people:
        plan = await shop.plan(person.headers)
        running = shop.v1.subscriptions.list({"customer": await customer_of(shop, person)}).data
        paid = [each for each in running if each.status in ("active", "trialing", "past_due")]
        assert (plan["plan"] == "free") == (paid == [])


async def customer_of(shop: Shop, person: Person) -> str:
    found = shop.v1.customers.list({"email": person.email}).data
    return str(found[0].id)


async def live(shop: Shop, chance: random.Random, person: Person) -> None:
    """Do one thing, whatever the state of the person is; a refusal is fine."""
    what = chance.choice(
        ("change", "cancel", "resume", "subscribe", "bad card", "good card", "buy")
    )
    path = f"{API}/subscription"
    customer = await customer_of(shop, person)
    if what == "change":
        order: dict[str, Any] = {"price": chance.choice(PRICES)}
        answer = await shop.api.patch(path, json=order, headers=person.headers)
        assert answer.status_code in (200, 402, 409, 422), answer.text
    elif what in ("cancel", "resume"):
        answer = await shop.api.post(f"{path}/{what}", headers=person.headers)
        assert answer.status_code in (200, 409), answer.text
    elif what == "subscribe":
        order = {"price": chance.choice(PRICES)}
        answer = await shop.api.post(path, json=order, headers=person.headers)
        if answer.status_code == 200:
            await shop.pay(answer.json()["url"])
    elif what == "buy":
        await shop.buy(person.headers)
    else:
        card = "pm_card_visa" if what == "good card" else "pm_card_chargeCustomerFail"
        method = shop.v1.payment_methods.attach(card, {"customer": customer})
        settings: Any = {"invoice_settings": {"default_payment_method": method.id}}
        shop.v1.customers.update(customer, settings)
        for each in shop.v1.subscriptions.list({"customer": customer}).data:
            shop.v1.subscriptions.update(each.id, {"default_payment_method": method.id})
