"""Each holder has one customer at Stripe."""

import asyncio
from uuid import uuid4

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.extensions.billing.models import customers
from app.extensions.billing.service import customers as service
from app.extensions.billing.service.client import stripe_client
from app.extensions.users.models import Role, Status, User
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn

CROWD = 50


async def test_fifty_requests_make_one_customer(
    shop: Shop, database_url: str, session: AsyncSession
) -> None:
    settings = get_settings().model_copy(update={"database_url": database_url, "db_pool_size": 10})
    database = Database(async_engine(settings))
    holder = uuid4()
    async with database.session() as own:
        own.add(User(id=holder, email="ada@example.com", role=Role.USER, status=Status.APPROVED))
        await own.commit()

    async def first_checkout() -> str:
        async with database.session() as own, stripe_client() as client:
            return await service.ensure(own, client, holder)

    # All of them are at Stripe before the first is answered.
    shop.control("faults", path="/v1/customers", method="POST", seconds=0.5)
    found = await asyncio.gather(*(first_checkout() for _ in range(CROWD)))
    await database.close()
    (customer,) = shop.v1.customers.list({"limit": 100}).data
    assert set(found) == {customer.id}
    assert (customer.email, customer.metadata["holder"]) == ("ada@example.com", str(holder))


async def test_an_answer_that_was_lost_makes_no_second_customer(
    shop: Shop, sign_in: SignIn
) -> None:
    person = await sign_in()
    shop.control("faults", path="/v1/customers", method="POST", kind="lost", times=2)
    await shop.checkout(person.headers, "pro_monthly")
    (customer,) = shop.v1.customers.list({"limit": 100}).data
    (row,) = await shop.rows(customers, person.id)
    assert row["stripe_id"] == customer.id


async def test_a_customer_that_was_deleted_at_stripe_is_replaced(
    shop: Shop, sign_in: SignIn
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    await shop.deliver()
    (before,) = await shop.rows(customers, person.id)
    shop.v1.customers.delete(before["stripe_id"])
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "free"
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.deliver()
    (after,) = await shop.rows(customers, person.id)
    assert after["stripe_id"] != before["stripe_id"]
    assert after["deleted_at"] is None
    assert (await shop.plan(person.headers))["plan"] == "basic"


async def test_a_row_that_is_missing_comes_back(
    shop: Shop, sign_in: SignIn, session: AsyncSession
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "pro_monthly")
    # As after a process that died, or a backup that was restored.
    await session.exec(customers.delete())
    await session.commit()
    await shop.deliver()
    assert (await shop.plan(person.headers))["plan"] == "pro"


async def test_the_address_of_a_customer_follows(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await shop.checkout(person.headers, "pro_monthly")
    (row,) = await shop.rows(customers, person.id)
    assert row["email"] == person.email
    shop.v1.customers.update(row["stripe_id"], {"email": "books@example.com"})
    await shop.deliver()
    (row,) = await shop.rows(customers, person.id)
    assert row["email"] == "books@example.com"
