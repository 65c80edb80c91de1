"""Which plan a holder has now. One query, which the index of the holder answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.settings import load_settings
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
    period_end: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    # Until then the plan stays although a payment has failed.
    grace_until: datetime | None = None

    def has(self, feature: str) -> bool:
        """Return whether the plan has a feature."""
        return feature in self.plan.features


async def standing(reader: Reader, holder_id: UUID) -> Standing:
    """Return the plan that a holder has now: the free one without a subscription."""
    return of_rows(holder_id, await reader.rows(CURRENT, {"holder_id": holder_id}))


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
        period_end=row["period_end"],
        trial_end=row["trial_end"],
        cancel_at_period_end=row["cancel_at_period_end"] or row["cancel_at"] is not None,
        grace_until=grace_until,
    )
