"""Numbers of billing."""

from typing import Any

from fastapi import FastAPI

from app.extensions.billing.metrics import collect
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn


async def values(app: FastAPI) -> dict[str, Any]:
    found = await collect(app.state.database.reader)
    return {
        metric.name: {tuple(each.labels.values()): each.value for each in metric.samples}
        for metric in found
    }


async def test_revenue_and_what_needs_attention(app: FastAPI, shop: Shop, sign_in: SignIn) -> None:
    monthly, yearly, team = [await sign_in() for _ in range(3)]
    await shop.subscribe(monthly.headers, "pro_monthly")
    await shop.subscribe(yearly.headers, "pro_yearly")
    await shop.subscribe(team.headers, "team_monthly", seats=2)
    for event in (found := shop.events()):
        await shop.send(event)
    assert (await values(app))["app_billing_events_unprocessed"] == {(): len(found)}
    for event in found:
        await shop.process(event.id)
    numbers = await values(app)
    assert numbers["app_billing_events_unprocessed"] == {(): 0}
    subscriptions = numbers["app_billing_subscriptions"]
    assert {status: count for status, count in subscriptions.items() if count} == {("active",): 3}
    assert numbers["app_billing_monthly_revenue"] == {("eur",): 3000 + 2500 + 3000}
    assert numbers["app_billing_invoices_unpaid"] == {(): 0}


async def test_without_a_subscription_the_numbers_are_0(app: FastAPI) -> None:
    numbers = await values(app)
    assert numbers["app_billing_subscriptions"][("past_due",)] == 0
    assert numbers["app_billing_monthly_revenue"] == {("eur",): 0}
