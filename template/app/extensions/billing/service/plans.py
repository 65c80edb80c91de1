"""Which plan a holder has now. One query, which the index of the holder answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.billing.errors import FeatureMissingError
from app.extensions.billing.models import subscriptions
from app.extensions.billing.service.catalogue import Plan, catalogue
from app.extensions.billing.settings import BillingSettings

PAID = ("active", "trialing")
RETRIED = "past_due"
# The amount counts as revenue: a trial is not paid for.
PAYING = ("active", RETRIED)
# The subscription can be changed and cancelled.
RUNNING = (*PAID, RETRIED, "unpaid", "paused")

CURRENT = (
    select(subscriptions)
    .where(
        subscriptions.c.holder_id == bindparam("holder_id"),
        subscriptions.c.status.in_(RUNNING),
    )
    .order_by(subscriptions.c.created_at.desc())
)


@dataclass(frozen=True)
class Standing:
    """The plan of a holder, and the subscription that it comes from."""

    holder_id: UUID
    plan: Plan
    status: str | None = None
    price: str | None = None
    seats: int = 1
    # What is paid for a seat and interval, which an older subscription keeps.
    amount: int | None = None
    currency: str | None = None
    interval: str | None = None
    period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    # Until then the plan stays although a payment has failed.
    grace_until: datetime | None = None

    @property
    def places(self) -> int:
        """How many people may use the plan: the seats that are paid, or those of the free plan."""
        return self.seats if self.plan.prices else self.plan.max_seats

    def has(self, feature: str) -> bool:
        """Return whether the plan has a feature."""
        return feature in self.plan.features


async def standing(reader: Reader, holder_id: UUID) -> Standing:
    """Return the plan that a holder has now: the free one without a subscription."""
    return of_rows(holder_id, await reader.rows(CURRENT, {"holder_id": holder_id}))


async def standing_in(session: AsyncSession, holder_id: UUID) -> Standing:
    """Return what `standing` returns, in the transaction of a session."""
    statement: Any = CURRENT
    found = await session.exec(statement, params={"holder_id": holder_id})
    return of_rows(holder_id, found.mappings().all())


def of_rows(holder_id: UUID, rows: Any) -> Standing:
    """Choose the best plan of the subscriptions that run, in the order of the catalogue."""
    offered = catalogue()
    found = [_standing(holder_id, row) for row in rows]
    free = Standing(holder_id, offered.free)
    return max(found, key=lambda each: offered.plans.index(each.plan), default=free)


def _standing(holder_id: UUID, row: Any) -> Standing:
    offered = catalogue()
    known = offered.priced(row["price"])
    plan = known[0] if known and row["status"] in (*PAID, RETRIED) else offered.free
    grace_until = None
    if row["status"] == RETRIED and row["unpaid_since"]:
        days = load_settings(BillingSettings).grace_days
        grace_until = row["unpaid_since"] + timedelta(days=days)
        plan = plan if grace_until > utcnow() else offered.free
    return Standing(
        holder_id,
        plan,
        status=row["status"],
        price=row["price"],
        seats=row["seats"],
        amount=row["amount"],
        currency=row["currency"],
        interval=row["interval"],
        period_end=row["period_end"],
        trial_end=row["trial_end"],
        cancel_at_period_end=row["cancel_at_period_end"] or row["cancel_at"] is not None,
        grace_until=grace_until,
    )


def plans_with(feature: str) -> list[Plan]:
    """Return the plans that have a feature.

    Raises:
        ValueError: no plan of the catalogue has it.
    """
    found = [plan for plan in catalogue().plans if feature in plan.features]
    if not found:
        raise ValueError(f"No plan in app/plans.py has the feature {feature!r}.")
    return found


def ensure_feature(current: Standing, feature: str, admitted: Sequence[Plan]) -> Standing:
    """Return a standing whose plan has a feature.

    Raises:
        FeatureMissingError: it has not; the error names the plans that admit.
    """
    if not current.has(feature):
        raise FeatureMissingError(feature, current.plan, admitted)
    return current
