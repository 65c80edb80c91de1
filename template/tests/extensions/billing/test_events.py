"""Events of every kind and in every order: what is stored is what Stripe has now."""

import random
from datetime import timedelta
from typing import Any

import pytest
import stripe
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.billing.errors import ObjectMissingError
from app.extensions.billing.models import customers, events, invoices, lines, subscriptions
from app.extensions.billing.service import processing, reading
from app.extensions.billing.service.books import warn_of_fraud, write_returned
from devstack.stripe import LocalStripe
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn

HIDDEN = ("id", "invoice_id", "read_at", "settled_at", "returned_at", "created_at", "updated_at")


async def books(shop: Shop) -> Any:
    """Everything that is stored, without the times at which it was."""

    def shown(row: Any) -> Any:
        return sorted((key, str(value)) for key, value in row.items() if key not in HIDDEN)

    tables = (customers, subscriptions, invoices, lines)
    return {table.name: sorted(map(shown, await shop.rows(table))) for table in tables}


async def busy_month(shop: Shop, sign_in: SignIn) -> None:
    """Subscriptions, a change, a cancellation, a pack, a refund and a renewal."""
    first, second = await sign_in(), await sign_in()
    await shop.subscribe(first.headers, "basic_monthly")
    await shop.subscribe(second.headers, "team_monthly", seats=2)
    await shop.buy(second.headers)
    for person in (first, second):
        await shop.api.post("/api/v1/billing/subscription/refresh", headers=person.headers)
    shop.control("advance", seconds=5 * 86400)
    path = "/api/v1/billing/subscription"
    order = {"price": "pro_monthly"}
    answer = await shop.api.patch(path, json=order, headers=first.headers)
    assert answer.status_code == 200, answer.text
    await shop.api.post(f"{path}/cancel", headers=second.headers)
    charge = shop.v1.charges.list({"limit": 1}).data[0]
    shop.v1.refunds.create({"charge": charge.id, "amount": 300})
    shop.control("advance", seconds=32 * 86400)


async def test_the_order_and_number_of_events_does_not_matter(shop: Shop, sign_in: SignIn) -> None:
    await busy_month(shop, sign_in)
    await shop.deliver()
    once = await books(shop)
    for seed in range(4):
        for table in (lines, invoices, subscriptions, events, customers):
            await shop.session.exec(table.delete())
        await shop.session.commit()
        shuffled = shop.events() * 2
        random.Random(seed).shuffle(shuffled)
        for event in shuffled:
            assert (await shop.send(event)).status_code == 204
            await shop.process(event.id)
        assert await books(shop) == once, seed


async def test_an_event_comes_before_the_checkout_returns(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    page = await shop.checkout(person.headers, "pro_monthly")
    assert (await shop.pay(page)).status_code == 303
    await shop.deliver(shop.events("customer.subscription.created"))
    assert (await shop.plan(person.headers))["plan"] == "pro"
    await shop.deliver()
    assert len(await shop.rows(subscriptions, person.id)) == 1


async def test_an_event_that_is_years_late_says_nothing_old(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    late = [event.to_dict(for_json=True) | {"created": 1_500_000_000} for event in shop.events()]
    (row,) = shop.v1.subscriptions.list().data
    shop.v1.subscriptions.cancel(row.id)
    await shop.deliver()
    for event in late:
        await shop.send(event)
        await shop.process(event["id"])
    assert (await shop.plan(person.headers))["plan"] == "free"


async def test_what_was_read_earlier_does_not_replace_what_was_read_later(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers at once: the slower one has read before the subscription was cancelled."""
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    created = shop.events("customer.subscription.created")[0]
    await shop.send(created)
    real = reading.read

    async def slow(client: Any, kind: str, object_id: str) -> Any:
        found = await real(client, kind, object_id)
        monkeypatch.setattr(processing, "read", real)
        shop.v1.subscriptions.cancel(object_id)
        await shop.deliver(shop.events("customer.subscription.deleted"))
        return found

    monkeypatch.setattr(processing, "read", slow)
    assert await shop.process(created.id)
    assert (await shop.plan(person.headers))["plan"] == "free"


def about(kind: str, object_id: str) -> dict[str, Any]:
    """An event that Stripe did not send."""
    return {
        "id": f"evt_{kind}",
        "type": kind,
        "created": 1,
        "livemode": False,
        "data": {"object": {"id": object_id}},
    }


async def test_events_about_something_that_is_gone_are_done_in_the_end(shop: Shop) -> None:
    made = [about(kind, "gone_1") for kind in sorted(processing.TYPES)]
    for each in made:
        assert (await shop.send(each)).status_code == 204
        if each["type"] == processing.DELETABLE:
            assert await shop.process(each["id"])
            continue
        with pytest.raises(ObjectMissingError):
            await shop.process(each["id"])
        await shop.session.rollback()
    assert len(await shop.waiting()) == len(made) - 1
    earlier = utcnow() - processing.MISSING - timedelta(minutes=1)
    await shop.session.exec(events.update().values(received_at=earlier))
    await shop.session.commit()
    for event_id in await shop.waiting():
        assert await shop.process(event_id)
    assert {row["note"] for row in await shop.rows(events)} == {processing.GONE}


async def test_no_event_is_lost_with_the_key_of_another_account(
    shop: Shop, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    sent = shop.events("invoice.paid", "payment_intent.succeeded")
    assert len(sent) == 2
    for each in sent:
        assert (await shop.send(each)).status_code == 204
    with monkeypatch.context() as patch, LocalStripe() as other:
        patch.setenv("BILLING_STRIPE_URL", other.url)
        load_settings.cache_clear()
        for each in sent:
            with pytest.raises(ObjectMissingError):
                await shop.process(each.id)
            await shop.session.rollback()
    load_settings.cache_clear()
    for each in sent:
        assert await shop.process(each.id)
    assert {row["note"] for row in await shop.rows(events)} == {None}
    assert (await shop.plan(person.headers))["plan"] == "pro"


async def test_a_payment_of_ours_without_an_invoice_is_ours(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.checkout(person.headers, "pro_monthly")
    (customer,) = await shop.rows(customers, person.id)
    await shop.session.commit()
    shop.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "eur",
            "customer": customer["stripe_id"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    await shop.deliver(shop.events("payment_intent.succeeded"))
    (row,) = await shop.rows(events)
    assert row["note"] is None
    assert await shop.rows(invoices) == []


async def test_customers_of_another_application_are_left_alone(shop: Shop) -> None:
    customer = shop.v1.customers.create({"metadata": {"holder": "somebody"}})
    shop.v1.customers.update(customer.id, {"email": "x@example.com"})
    await shop.deliver()
    assert await shop.rows(customers) == []
    assert {row["note"] for row in await shop.rows(events)} == {processing.FOREIGN}


async def test_a_refund_is_known(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    (charge,) = shop.v1.charges.list().data
    shop.v1.refunds.create({"charge": charge.id, "amount": 1000})
    # The refund alone finds the invoice that it is about.
    await shop.deliver(shop.events("charge.refunded"))
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["paid"], invoice["returned"]) == (3000, 1000)
    shop.v1.refunds.create({"charge": charge.id})
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["returned"] == 3000


def add_payment(shop: Shop, customer: str, amount: int) -> tuple[str, str]:
    """Add a payment to the only invoice, and one that was cancelled; return payment and charge."""
    values = {"amount": amount, "currency": "eur", "customer": customer, "confirm": True}
    intent = shop.v1.payment_intents.create({**values, "payment_method": "pm_card_visa"})
    unpaid = shop.v1.payment_intents.create({"amount": amount, "currency": "eur"})
    account = shop.local.account
    (known,) = account.where("invoice_payment")
    with account.store.transaction():
        for each, status in ((intent, "paid"), (unpaid, "canceled")):
            payment = {"payment_intent": each.id, "type": "payment_intent"}
            changes = {"id": account.new_id("inpay"), "payment": payment, "status": status}
            account.store.add({**known, **changes, "is_default": False})
    return intent.id, intent.latest_charge


async def test_an_invoice_with_several_payments(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    (first,) = shop.v1.charges.list().data
    payment, second = add_payment(shop, first.customer, 1000)
    await shop.deliver(shop.events("invoice.paid"))
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["payment_intent"] in (payment, first.payment_intent)  # not the cancelled one
    for charge, amount, returned in ((first.id, 500, 500), (second, 300, 800), (first.id, 1, 801)):
        shop.v1.refunds.create({"charge": charge, "amount": amount})
        await shop.deliver()
        (invoice,) = await shop.rows(invoices, person.id)
        assert invoice["returned"] == returned
    shop.control(f"charges/{second}/dispute")
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["returned"] == 501 + 1000


async def test_a_refund_of_a_pack_is_known(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.buy(person.headers)
    (charge,) = shop.v1.charges.list().data
    shop.v1.refunds.create({"charge": charge.id})
    await shop.deliver(shop.events("charge.refunded"))
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["paid"], invoice["returned"]) == (500, 500)


@pytest.mark.parametrize(("won", "returned"), [(True, 0), (False, 3000)])
async def test_a_dispute_counts_until_it_is_won(
    shop: Shop, sign_in: SignIn, won: bool, returned: int
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (charge,) = shop.v1.charges.list().data
    dispute = shop.control(f"charges/{charge.id}/dispute")
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["returned"] == 3000
    shop.control(f"disputes/{dispute['id']}/decide", won=won)
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["returned"] == returned


async def test_a_fraud_warning_marks_the_invoice(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (charge,) = shop.v1.charges.list().data
    shop.control(f"charges/{charge.id}/fraud_warning")
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["fraud_warning"]


async def test_a_stored_event_is_processed_once(
    shop: Shop, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    (paid,) = shop.events("invoice.paid")
    await shop.deliver([paid])
    assert not await shop.process(paid.id)
    assert len(await shop.rows(lines)) == 1


async def test_a_charge_without_a_payment_intent_is_about_no_invoice(
    shop: Shop, sign_in: SignIn
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    # The invoice of a trial has no payment either.
    await shop.session.exec(invoices.update().values(payment_intent=None))
    await shop.session.commit()
    charge = stripe.Charge.construct_from(
        {"id": "ch_1", "payment_intent": None, "amount": 3000, "amount_refunded": 3000}, None
    )
    await write_returned(shop.session, charge, 3000, utcnow())
    await warn_of_fraud(shop.session, charge)
    await shop.session.commit()
    (invoice,) = await shop.rows(invoices, person.id)
    assert (invoice["returned"], invoice["fraud_warning"]) == (0, False)


async def test_an_inquiry_takes_no_money(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    (charge,) = shop.v1.charges.list().data
    shop.control(f"charges/{charge.id}/dispute", inquiry=True)
    await shop.deliver()
    (invoice,) = await shop.rows(invoices, person.id)
    assert invoice["returned"] == 0
