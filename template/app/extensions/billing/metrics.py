"""Figures of the business for the metrics of the backend."""

from prometheus_client.core import Metric
from sqlalchemy import case, func, select

from app.core.database import Reader
from app.extensions.billing.models import events, invoices, subscriptions
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.plans import PAYING, RUNNING
from app.extensions.metrics.families import gauge

_BY_STATUS = select(subscriptions.c.status, func.count().label("count")).group_by(
    subscriptions.c.status
)
_MONTHLY = func.sum(
    subscriptions.c.amount
    * subscriptions.c.seats
    / case((subscriptions.c.interval == "year", 12), else_=1)
)
_REVENUE = (
    select(subscriptions.c.currency, _MONTHLY.label("amount"))
    .where(subscriptions.c.status.in_(PAYING))
    .group_by(subscriptions.c.currency)
)
_UNPROCESSED = select(func.count().label("count")).where(events.c.processed_at.is_(None))
_OPEN = select(func.count().label("count")).where(
    invoices.c.status == "open", invoices.c.attempts > 0
)


async def collect(reader: Reader) -> list[Metric]:
    """Return subscriptions, monthly revenue, and what needs somebody's attention."""
    # What nobody has yet is 0: without a series, a panel would look broken.
    statuses = dict.fromkeys(RUNNING, 0)
    statuses |= {row["status"]: row["count"] for row in await reader.rows(_BY_STATUS)}
    prices = (price for plan in catalogue().plans for price in plan.prices)
    revenue = {price.currency: 0 for price in prices}
    revenue |= {row["currency"]: row["amount"] for row in await reader.rows(_REVENUE)}
    (unprocessed,) = await reader.rows(_UNPROCESSED)
    (unpaid,) = await reader.rows(_OPEN)
    return [
        gauge("app_billing_subscriptions", "Subscriptions by status", "status", statuses),
        gauge(
            "app_billing_monthly_revenue",
            "Recurring revenue of a month, in the smallest unit of the currency",
            "currency",
            revenue,
        ),
        gauge(
            "app_billing_events_unprocessed",
            "Events of Stripe not processed",
            "",
            unprocessed["count"],
        ),
        gauge(
            "app_billing_invoices_unpaid", "Invoices whose payment has failed", "", unpaid["count"]
        ),
    ]
