"""Credits of paid invoices: once for each line, prorated, and taken back with the payment."""

import random
from typing import Any
from uuid import UUID

import pytest

from app.extensions.billing.models import customers, invoices
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.paid import PaidLine
from app.extensions.billing_credits.models import invoice_credits
from app.extensions.billing_credits.service import credits_of
from app.extensions.credits.models import transactions
from app.extensions.credits.service import accounts, entries
from app.extensions.credits.service.verify import find_discrepancies
from tests.extensions.billing.books import agree, deliver_badly
from tests.extensions.billing.shop import API, Shop
from tests.support.people import Person, SignIn

DAY = 86400


async def balance(shop: Shop, person: Person) -> int:
    """Return what a person has more than at the start."""
    found = await shop.session.run_sync(accounts.get_balance, person.id)
    await shop.session.commit()
    return found.balance


async def new(shop: Shop, sign_in: SignIn) -> Person:
    """Create a person with an empty account."""
    person = await sign_in()
    await set_balance(shop, person, 0)
    return person


async def set_balance(shop: Shop, person: Person, amount: int) -> None:
    change = amount - await balance(shop, person)
    if change:
        await shop.session.run_sync(entries.adjust, person.id, change, "Set")
        await shop.session.commit()


async def of_billing(shop: Shop, holder: UUID) -> list[int]:
    """Return the amounts that billing has posted, in their order."""
    statement: Any = (
        transactions.select()
        .where(transactions.c.user_id == holder)
        .order_by(transactions.c.position)
    )
    rows = (await shop.session.exec(statement)).mappings()
    return [row["amount"] for row in rows if "nvoice" in row["reason"]]


def line(amount: int, price: str, unit: int, quantity: int = 1) -> PaidLine:
    return PaidLine("il_1", price, quantity, amount, unit)


@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        (line(1000, "basic_monthly", 1000), 310),
        (line(500, "basic_monthly", 1000), 155),
        (line(-333, "basic_monthly", 1000), -103),
        (line(0, "basic_monthly", 1000), 0),
        (line(30000, "pro_yearly", 30000), 12_000),
        (line(4500, "team_monthly", 1500, 3), 1200),
        (line(9900, "pro_monthly", 9900), 1000),  # the amount of an earlier price
        (line(1000, "pack", 500, 2), 500),
        (line(400, "pack", 500), 250),  # a discount
        (line(1000, "unknown", 1000), 0),
        (PaidLine("il_1", None, 1, 1000, 1000), 0),
        (line(0, "trial_monthly", 0), 0),
    ],
)
def test_the_credits_of_a_line(configured: None, paid: PaidLine, expected: int) -> None:
    assert credits_of(catalogue(), paid) == expected


async def test_each_paid_month_brings_its_credits(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    assert await balance(shop, person) == 1000
    shop.control("advance", seconds=32 * DAY)
    await shop.deliver()
    assert await balance(shop, person) == 2000


async def test_a_trial_brings_the_welcome_only_once(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "trial_monthly")
    await shop.deliver()
    assert await balance(shop, person) == 50
    shop.control("advance", seconds=15 * DAY)
    await shop.deliver()
    assert await balance(shop, person) == 750


async def test_packs_bring_theirs(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.buy(person.headers, quantity=3)
    await shop.deliver()
    assert await balance(shop, person) == 750


async def test_a_change_is_prorated(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    shop.control("advance", seconds=15 * DAY)
    answer = await shop.api.patch(
        f"{API}/subscription", json={"price": "pro_monthly"}, headers=person.headers
    )
    assert answer.status_code == 200, answer.text
    await shop.deliver()
    posted = await of_billing(shop, person.id)
    assert len(posted) == 3
    start, added, taken = posted
    assert start == 310
    # About half of the month is left: its length depends on the day.
    assert 1000 * 0.4 < added < 1000 * 0.6
    assert taken == pytest.approx(-310 * added / 1000, abs=1)
    assert await balance(shop, person) == sum(posted)


async def change(shop: Shop, person: Person, price: str) -> None:
    answer = await shop.api.patch(
        f"{API}/subscription", json={"price": price}, headers=person.headers
    )
    assert answer.status_code == 200, answer.text


async def test_changes_to_and_fro_bring_no_credits(shop: Shop, sign_in: SignIn) -> None:
    """The unused time of the better plan pays for it the next time, although all was spent."""
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    await change(shop, person, "pro_monthly")
    await shop.deliver()
    assert await balance(shop, person) == 1000
    await set_balance(shop, person, 0)
    for price in ("basic_monthly", "pro_monthly") * 2:
        await change(shop, person, price)
        await shop.deliver()
        assert await balance(shop, person) == 0
    assert len(shop.v1.charges.list().data) == 2
    # A pack is always paid with new money.
    await change(shop, person, "basic_monthly")
    await shop.buy(person.headers)
    await shop.deliver()
    assert await balance(shop, person) == 250


async def test_the_order_of_a_change_and_its_payment_does_not_matter(
    shop: Shop, sign_in: SignIn
) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.api.post(f"{API}/subscription/refresh", headers=person.headers)
    await change(shop, person, "basic_monthly")
    earlier, later = shop.events("invoice.paid")
    await shop.deliver([later, earlier])
    assert await balance(shop, person) == 310


@pytest.mark.parametrize(
    ("left", "refund", "expected"),
    [
        (1000, 3000, 0),
        (1000, 1000, 667),
        (400, 3000, 0),
        (400, 1000, 67),
        (0, 3000, 0),
    ],
)
async def test_a_refund_takes_back_down_to_zero(
    shop: Shop, sign_in: SignIn, left: int, refund: int, expected: int
) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    await set_balance(shop, person, left)
    (charge,) = shop.v1.charges.list().data
    shop.v1.refunds.create({"charge": charge.id, "amount": refund})
    await shop.deliver()
    assert await balance(shop, person) == expected


async def test_several_refunds_take_back_once(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    await set_balance(shop, person, 2000)  # there is more than the refunds may take
    (charge,) = shop.v1.charges.list().data
    for amount, left in ((1, 2000), (999, 1667), (2000, 1000)):
        shop.v1.refunds.create({"charge": charge.id, "amount": amount})
        await shop.deliver()
        assert await balance(shop, person) == left
    await set_balance(shop, person, 77)
    shop.delivered.clear()
    for event in shop.events():
        await shop.send(event)
    assert await balance(shop, person) == 77


@pytest.mark.parametrize(
    ("left", "won", "expected"), [(1000, True, 1000), (300, True, 300), (1000, False, 0)]
)
async def test_a_dispute_takes_back_and_returns_what_it_took(
    shop: Shop, sign_in: SignIn, left: int, won: bool, expected: int
) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    await set_balance(shop, person, left)
    (charge,) = shop.v1.charges.list().data
    dispute = shop.control(f"charges/{charge.id}/dispute")
    await shop.deliver()
    assert await balance(shop, person) == 0
    shop.control(f"disputes/{dispute['id']}/decide", won=won)
    await shop.deliver()
    assert await balance(shop, person) == expected


async def test_a_refund_that_is_known_before_the_payment(shop: Shop, sign_in: SignIn) -> None:
    person = await new(shop, sign_in)
    await shop.subscribe(person.headers, "pro_monthly")
    (charge,) = shop.v1.charges.list().data
    shop.v1.refunds.create({"charge": charge.id, "amount": 1500})
    await shop.deliver(shop.events("charge.refunded"))
    assert await balance(shop, person) == 500
    await shop.deliver()
    assert await balance(shop, person) == 500


async def expected_books(shop: Shop) -> dict[str, int]:
    """Compute from Stripe's own invoices what each customer has got, without our tables."""
    prices: dict[str, Any] = {}
    found: dict[str, int] = {}
    for invoice in shop.v1.invoices.list({"limit": 100}).auto_paging_iter():
        if invoice.status != "paid":
            continue
        for each in shop.v1.invoices.line_items.list(invoice.id, {"limit": 100}).data:
            price_id = each.pricing.price_details.price
            price = prices.setdefault(price_id, shop.v1.prices.retrieve(price_id))
            paid = line(each.amount, price.lookup_key, price.unit_amount, each.quantity)
            found.setdefault(invoice.customer, 0)
            found[invoice.customer] += credits_of(catalogue(), paid)
    return found


async def test_the_books_agree_after_fourteen_months(shop: Shop, sign_in: SignIn) -> None:
    """Subscriptions, changes, packs and cancellations; events late, twice and in any order."""
    chance = random.Random(14)
    people = [await new(shop, sign_in) for _ in range(4)]
    for person, price in zip(
        people, ("basic_monthly", "pro_monthly", "pro_yearly", "team_monthly"), strict=True
    ):
        await shop.subscribe(person.headers, price)
    await shop.deliver()
    for month in range(14):
        shop.control("advance", seconds=chance.randrange(20, 36) * DAY)
        await deliver_badly(shop, chance)
        person = people[month % len(people)]
        plan = await shop.plan(person.headers)
        if plan["price"] in ("basic_monthly", "pro_monthly"):
            other = {"basic_monthly": "pro_monthly", "pro_monthly": "basic_monthly"}
            order: dict[str, Any] = {"price": other[plan["price"]]}
        elif plan["price"] == "team_monthly":
            order = {"seats": chance.randrange(1, 10)}
        else:
            await shop.buy(person.headers)
            continue
        answer = await shop.api.patch(f"{API}/subscription", json=order, headers=person.headers)
        assert answer.status_code == 200, answer.text
    await shop.deliver()
    theirs = await expected_books(shop)
    for person in people:
        (customer,) = await shop.rows(customers, person.id)
        assert await balance(shop, person) == theirs[customer["stripe_id"]]
    assert await shop.session.run_sync(find_discrepancies) == []
    await agree(shop)
    paid = [row for row in await shop.rows(invoices) if row["status"] == "paid"]
    assert len(await shop.rows(invoice_credits)) == len(paid)
