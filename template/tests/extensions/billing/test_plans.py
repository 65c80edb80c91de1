"""Which plan applies: by status, in the days of grace, and for features."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy import insert

from app.core.database.models import utcnow
from app.extensions.billing.deps import require_feature
from app.extensions.billing.models import customers, subscriptions
from app.extensions.billing.service.plans import Standing
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn


async def add(shop: Shop, holder: UUID, status: str, price: str | None, days: int = 0) -> None:
    """Store a subscription whose payment is retried for some days."""
    now = utcnow()
    known: Any = customers.select().where(customers.c.holder_id == holder)
    if (await shop.session.exec(known)).first() is None:
        row = {"holder_id": holder, "stripe_id": f"cus_{holder}", "delinquent": False}
        times = {"created_at": now, "updated_at": now, "read_at": now}
        await shop.session.exec(insert(customers).values(**row, **times))
    values = {
        "id": uuid4(),
        "stripe_id": f"sub_{uuid4()}",
        "holder_id": holder,
        "status": status,
        "price": price,
        "item": "si_1",
        "seats": 1,
        "amount": 3000,
        "currency": "eur",
        "interval": "month",
        "period_start": now,
        "period_end": now,
        "cancel_at_period_end": False,
        "unpaid_since": now - timedelta(days=days) if status == "past_due" else None,
        "created_at": now,
        "read_at": now,
    }
    await shop.session.exec(insert(subscriptions).values(**values))
    await shop.session.commit()


@pytest.mark.parametrize(
    ("status", "days", "plan"),
    [
        ("active", 0, "pro"),
        ("trialing", 0, "pro"),
        ("past_due", 6, "pro"),
        ("past_due", 8, "free"),
        ("unpaid", 0, "free"),
        ("paused", 0, "free"),
        ("canceled", 0, "free"),
        ("incomplete", 0, "free"),
        ("incomplete_expired", 0, "free"),
        ("a status of the future", 0, "free"),
    ],
)
async def test_the_status_decides(
    shop: Shop, sign_in: SignIn, status: str, days: int, plan: str
) -> None:
    person = await sign_in()
    await add(shop, person.id, status, "pro_monthly", days)
    found = await shop.plan(person.headers)
    assert found["plan"] == plan
    assert (found["grace_until"] is not None) == (status == "past_due")


async def test_a_price_that_nobody_knows_is_the_free_plan(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    await add(shop, person.id, "active", "gone_monthly")
    assert (await shop.plan(person.headers))["plan"] == "free"


async def test_of_several_plans_the_best_applies(shop: Shop, sign_in: SignIn) -> None:
    person = await sign_in()
    for status, price in (
        ("active", "basic_monthly"),
        ("active", "pro_monthly"),
        ("canceled", "team_monthly"),
    ):
        await add(shop, person.id, status, price)
    assert (await shop.plan(person.headers))["plan"] == "pro"


@pytest.fixture
def probe(shop: Shop, running_app: FastAPI) -> Iterator[str]:
    router = APIRouter()

    @router.get("/probe/search")
    async def search(current: Annotated[Standing, require_feature("search")]) -> str:
        return current.plan.key

    before = list(running_app.router.routes)
    running_app.include_router(router)
    yield "/probe/search"
    running_app.router.routes[:] = before


async def test_a_feature_needs_its_plan(shop: Shop, sign_in: SignIn, probe: str) -> None:
    person = await sign_in()
    answer = await shop.api.get(probe, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (402, "feature_not_in_plan")
    assert answer.json()["plans"] == ["pro", "team"]
    await add(shop, person.id, "active", "team_monthly")
    answer = await shop.api.get(probe, headers=person.headers)
    assert (answer.status_code, answer.json()) == (200, "team")
    assert (await shop.api.get(probe)).status_code == 401


def test_a_feature_of_no_plan_is_an_error_at_the_start(configured: None) -> None:
    with pytest.raises(ValueError, match="serach"):
        require_feature("serach")
