"""The catalogue at Stripe: written once, compared, never deleted."""

from dataclasses import replace
from typing import Any

import pytest
import stripe

from app.extensions.billing.service import catalogue_sync
from app.extensions.billing.service.catalogue import Catalogue, Price
from app.extensions.billing.service.catalogue_sync import Change
from app.extensions.billing.service.client import stripe_client
from tests.extensions.billing import plans
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn


async def compare(wanted: Catalogue) -> list[Change]:
    async with stripe_client() as client:
        return await catalogue_sync.differences(client, wanted)


async def write(changes: list[Change]) -> None:
    async with stripe_client() as client:
        for change in changes:
            await catalogue_sync.apply(client, change)


async def test_a_second_run_finds_nothing(shop: Shop) -> None:
    assert await compare(plans.CATALOGUE) == []
    found = {price.lookup_key for price in shop.v1.prices.list({"limit": 100}).data}
    assert found == {
        *("basic_monthly", "pro_monthly", "pro_yearly", "team_monthly", "trial_monthly"),
        "pack",
    }


async def test_a_run_that_was_interrupted_goes_on(shop: Shop) -> None:
    more = replace(plans.BASIC, key="more", prices=(Price(key="more_monthly", amount=1),))
    wanted = Catalogue(plans=(plans.FREE, more))
    changes = await compare(wanted)
    await write(changes[:1])
    assert await compare(wanted) == changes[1:]


async def test_names_are_updated_and_nothing_is_deleted(shop: Shop) -> None:
    renamed = replace(plans.PRO, name="Professional", description="")
    (change,) = await compare(Catalogue(plans=(plans.FREE, renamed)))
    assert (change.what, change.key) == ("update product", "plan_pro")
    await write([change])
    product = shop.v1.products.retrieve("plan_pro")
    assert (product.name, product.description or "") == ("Professional", "")
    assert len(shop.v1.products.list({"limit": 100}).data) == len(plans.CATALOGUE.plans)


async def test_a_product_that_was_deleted_is_created_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"id": "plan_pro", "object": "product", "deleted": True}

    async def retrieve(*_: Any) -> stripe.Product:
        return stripe.Product.construct_from(gone, None)

    monkeypatch.setattr(stripe.ProductService, "retrieve_async", retrieve)
    (change,) = await compare(Catalogue(plans=(plans.FREE, plans.PRO)))
    assert (change.what, change.key) == ("create product", "plan_pro")


@pytest.mark.parametrize(
    "price",
    [
        Price(key="pro_monthly", amount=4000),
        Price(key="pro_monthly", amount=3000, currency="usd"),
        Price(key="pro_monthly", amount=3000, interval="year"),
    ],
    ids=["amount", "currency", "interval"],
)
async def test_other_terms_are_another_price(shop: Shop, price: Price) -> None:
    wanted = Catalogue(plans=(plans.FREE, replace(plans.PRO, prices=(price,))))
    (old,) = shop.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    (change,) = await compare(wanted)
    assert (change.what, change.key) == ("replace price", "pro_monthly")
    await write([change])
    assert await compare(wanted) == []
    (new,) = shop.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    assert new.id != old.id
    assert (new.unit_amount, new.currency) == (price.amount, price.currency)
    assert new.recurring.interval == price.interval
    assert shop.v1.prices.retrieve(old.id).active


async def test_who_subscribed_before_keeps_plan_and_amount(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    dearer = replace(plans.PRO, prices=(Price(key="pro_monthly", amount=9900),))
    await write(await compare(Catalogue(plans=(plans.FREE, dearer))))
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "pro"
    shop.control("advance", seconds=32 * 86400)
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "pro"
    answer = await shop.api.get("/api/v1/billing/invoices", headers=person.headers)
    assert [each["total"] for each in answer.json()["items"]] == [3000, 3000]
    # More seats or another end of the same price do not change the amount either.
    order = {"price": "pro_monthly"}
    path = "/api/v1/billing/subscription/preview"
    preview = await shop.api.post(path, json=order, headers=person.headers)
    assert preview.json()["total"] == 0, preview.text
