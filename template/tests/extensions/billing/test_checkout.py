"""Checkouts: of subscriptions, of packs, with trials, coupons and refused cards."""

from typing import Any

import pytest
import stripe

from app.core.settings import load_settings
from app.extensions.billing.models import customers, invoices, subscriptions
from app.extensions.billing.service import catalogue_sync, checkout
from app.extensions.billing.service.client import stripe_client
from tests.extensions.billing.shop import API, Shop
from tests.support.people import SignIn


async def test_who_pays_has_the_plan(shop: Shop, sign_in: SignIn) -> None:
    person, other = await sign_in(), await sign_in()
    assert (await shop.plan(person.headers))["plan"] == "free"
    paid = await shop.subscribe(person.headers, "pro_monthly")
    assert paid["plan"] == "free"  # no event has come
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"], plan["price"]) == ("pro", "active", "pro_monthly")
    assert plan["features"] == ["search"]
    assert (await shop.plan(other.headers))["plan"] == "free"
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["status"], invoice["total"], invoice["paid"]) == ("paid", 3000, 3000)
    assert invoice["payment_intent"]
    assert invoice["settled_at"]


async def test_the_page_after_a_checkout_need_not_wait(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    answer = await shop.api.post(f"{API}/subscription/refresh", headers=person.headers)
    assert answer.json()["plan"] == "pro"
    await shop.deliver()
    assert len(await shop.rows(subscriptions, person.id)) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/", "https://example.com/?checkout=success&session_id={ID}"),
        ("https://example.com/?a=b", "https://example.com/?a=b&checkout=success&session_id={ID}"),
        ("https://example.com/#/c", "https://example.com/?checkout=success&session_id={ID}#/c"),
        (
            "https://example.com?a=b#c?d",
            "https://example.com?a=b&checkout=success&session_id={ID}#c?d",
        ),
    ],
)
def test_the_result_is_in_the_query_of_the_return_page(
    url: str, expected: str, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    monkeypatch.setenv("BILLING_RETURN_URL", url)
    load_settings.cache_clear()
    made = checkout.return_url("success")
    assert made == expected.replace("{ID}", "{CHECKOUT_SESSION_ID}")


async def test_the_return_page_alone_grants_nothing(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.checkout(person.headers, "pro_monthly")
    answer = await shop.api.post(f"{API}/subscription/refresh", headers=person.headers)
    assert answer.json()["plan"] == "free"


async def test_a_refused_card_buys_nothing(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    page = await shop.checkout(person.headers, "pro_monthly")
    assert (await shop.pay(page, "visa_chargeDeclined")).status_code == 402
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "free"
    assert (await shop.pay(page)).status_code == 303
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "pro"


async def test_one_trial_for_each_holder(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "trial_monthly")
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"]) == ("trial", "trialing")
    assert plan["trial_end"]
    (row,) = await shop.rows(subscriptions, person.id)
    shop.v1.subscriptions.cancel(row["stripe_id"])
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "free"
    await shop.subscribe(person.headers, "trial_monthly")
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["status"], plan["trial_end"]) == ("trial", "active", None)


async def test_a_second_checkout_ends_the_first(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    first = await shop.checkout(person.headers, "basic_monthly")
    second = await shop.checkout(person.headers, "pro_monthly")
    assert (await shop.pay(first)).status_code == 410
    assert (await shop.pay(second)).status_code == 303
    for _ in range(2):  # before and after the events
        answer = await shop.api.post(
            f"{API}/subscription", json={"price": "basic_monthly"}, headers=person.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
        await shop.deliver()
    assert len(await shop.rows(subscriptions, person.id)) == 1


@pytest.mark.parametrize("paid", [False, True], ids=["open", "paid"])
async def test_of_two_checkouts_at_the_same_moment_one_can_be_paid(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, *, paid: bool
) -> None:
    """The slower request has looked for others before the faster one began."""
    person = await sign_in()
    real, pages = catalogue_sync.price_id, []

    async def slow(client: Any, price: str) -> str:
        monkeypatch.setattr(checkout, "price_id", real)
        pages.append(await shop.checkout(person.headers, "basic_monthly"))
        if paid:
            assert (await shop.pay(pages[0])).status_code == 303
        return await real(client, price)

    monkeypatch.setattr(checkout, "price_id", slow)
    order = {"price": "pro_monthly"}
    answer = await shop.api.post(f"{API}/subscription", json=order, headers=person.headers)
    if paid:
        assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    else:
        assert (await shop.pay(pages[0])).status_code == 410
        assert (await shop.pay(answer.json()["url"])).status_code == 303
    assert shop.v1.checkout.sessions.list({"status": "open"}).data == []
    assert len(shop.v1.subscriptions.list({"status": "all"}).data) == 1
    await shop.deliver()


async def test_a_checkout_that_another_request_has_ended_is_no_error(
    shop: Shop, sign_in: SignIn
) -> None:
    person = await sign_in()
    await shop.checkout(person.headers, "basic_monthly")
    (there,) = shop.v1.checkout.sessions.list({"status": "open"}).data
    path = "/v1/checkout/sessions/[^/]+/expire"
    shop.control("faults", path=path, kind="error", status=400)
    with pytest.raises(stripe.InvalidRequestError):  # it is still open
        async with stripe_client() as client:
            await checkout.end_checkout(client, there.id)
    async with stripe_client() as client:
        for _ in range(2):
            await checkout.end_checkout(client, there.id)
    assert shop.v1.checkout.sessions.list({"status": "open"}).data == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"price": "unknown"}, "unknown_price"),
        ({"price": "pack"}, "unknown_price"),
        ({"price": "pro_monthly", "seats": 2}, "too_many_seats"),
        ({"price": "team_monthly", "seats": 11}, "too_many_seats"),
        ({"price": "pro_monthly", "code": "NONE"}, "unknown_code"),
    ],
)
async def test_what_cannot_be_bought(
    shop: Shop, sign_in: SignIn, order: dict[str, Any], code: str
) -> None:
    person = await sign_in()
    answer = await shop.api.post(f"{API}/subscription", json=order, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_seats_are_paid_each(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "team_monthly", seats=3)
    await shop.deliver()
    plan = await shop.plan(person.headers)
    assert (plan["plan"], plan["seats"]) == ("team", 3)
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["total"] == 3 * 1500


async def test_a_promotion_code_reduces_what_is_paid(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    promotion: Any = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    shop.v1.promotion_codes.create(promotion)
    await shop.subscribe(person.headers, "pro_monthly", code="SPRING")
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["total"], invoice["paid"]) == (1500, 1500)


async def test_packs_are_invoices_that_are_paid_once(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.buy(person.headers, quantity=3)
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["status"], invoice["paid"], invoice["subscription"]) == ("paid", 1500, None)
    assert invoice["payment_intent"]
    assert (await shop.plan(person.headers))["plan"] == "free"
    answer = await shop.api.post(f"{API}/purchases", json={"pack": "none"}, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_price")


async def test_invoices_are_those_of_the_caller(shop: Shop, sign_in: SignIn) -> None:
    person, other = await sign_in(), await sign_in()
    await shop.buy(person.headers)
    await shop.deliver()
    mine, others = [
        (await shop.api.get(f"{API}/invoices", headers=each.headers)).json()["items"]
        for each in (person, other)
    ]
    assert [each["paid"] for each in mine] == [500]
    assert mine[0]["page_url"]
    assert others == []


async def test_the_portal_is_for_customers(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    answer = await shop.api.post(f"{API}/portal", headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_subscribed")
    await shop.checkout(person.headers, "pro_monthly")
    answer = await shop.api.post(f"{API}/portal", headers=person.headers)
    assert answer.json()["url"].startswith(shop.local.url)


async def test_everybody_reads_the_catalogue(shop: Shop) -> None:
    answer = await shop.api.get(f"{API}/plans")
    assert [each["key"] for each in answer.json()["plans"]] == [
        *("free", "basic", "trial", "pro", "team")
    ]
    assert answer.json()["plans"][3]["prices"][1] == {
        "key": "pro_yearly",
        "amount": 30000,
        "currency": "eur",
        "interval": "year",
    }


@pytest.mark.parametrize("path", ["subscription", "purchases", "portal", "subscription/cancel"])
async def test_nobody_buys_without_signing_in(shop: Shop, path: str) -> None:
    answer = await shop.api.post(f"{API}/{path}", json={})
    assert answer.status_code == 401
    assert await shop.rows(customers) == []
