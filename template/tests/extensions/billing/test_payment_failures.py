"""A renewal that fails: grace, recovery, and the end."""

from tests.extensions.billing.shop import API, Shop
from tests.support.people import Person, SignIn

MONTH = 32 * 86400


async def subscribe_and_fail(shop: Shop, person: Person) -> None:
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (customer,) = shop.v1.customers.list().data
    (known,) = shop.v1.subscriptions.list().data
    method = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    shop.v1.subscriptions.update(known.id, {"default_payment_method": method.id})
    shop.control("advance", seconds=MONTH)
    await shop.deliver()


async def test_the_plan_stays_while_the_payment_is_retried(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await subscribe_and_fail(shop, person)
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"]) == ("pro", "past_due")
    assert plan["grace_until"]


async def test_a_later_payment_ends_the_grace(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await subscribe_and_fail(shop, person)
    (unpaid,) = shop.v1.invoices.list({"status": "open"}).data
    good = shop.v1.payment_methods.attach("pm_card_visa", {"customer": unpaid.customer})
    shop.v1.invoices.pay(unpaid.id, {"payment_method": good.id})
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"], plan["grace_until"]) == ("pro", "active", None)


async def test_the_subscription_ends_after_the_last_attempt(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await subscribe_and_fail(shop, person)
    shop.control("advance", seconds=MONTH)
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"]) == ("free", None)
    order = {"price": "pro_monthly"}
    answer = await shop.api.post(f"{API}/subscription", json=order, headers=person.headers)
    assert answer.status_code == 200
