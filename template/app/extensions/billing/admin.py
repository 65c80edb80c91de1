"""Billing on the admin site: what Stripe has, revenue, and events to process again.

Nothing is changed here but at Stripe, so each row has a link to its page there.
"""

from typing import Any, ClassVar

from markupsafe import Markup
from sqlalchemy import case, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database import database_of
from app.core.settings import load_settings
from app.extensions.admin import audit
from app.extensions.admin.actions import action
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.billing.models import Customer, Event, Invoice, Subscription
from app.extensions.billing.service import holders
from app.extensions.billing.service.money import shown
from app.extensions.billing.service.plans import PAYING
from app.extensions.billing.settings import BillingSettings
from app.extensions.billing.tasks import replay

HOLDERS = holders.tables()


def at_stripe(folder: str) -> Any:
    """Return a formatter that links an id to its page in the dashboard of the right mode."""

    def link(row: Any, name: str) -> Markup:
        value = getattr(row, name)
        url = f"{load_settings(BillingSettings).dashboard}/{folder}/{value}"
        return Markup('<a href="{}" rel="noopener" target="_blank">{}</a>').format(url, value)

    return link


class CustomerAdmin(View, model=Customer):
    """Who pays."""

    name = "Customer"
    icon = "fa-solid fa-credit-card"
    title_column = "stripe_id"
    links: ClassVar = {"holder_id": HOLDERS}
    column_list: ClassVar = ["stripe_id", "holder_id", "email", "delinquent", "created_at"]
    column_details_list = "__all__"
    column_formatters: ClassVar = {"stripe_id": at_stripe("customers")}
    column_formatters_detail: ClassVar = column_formatters
    column_searchable_list: ClassVar = ["stripe_id", "email"]
    column_default_sort: ClassVar = ("created_at", True)


class SubscriptionAdmin(View, model=Subscription):
    """Subscriptions."""

    icon = "fa-solid fa-rotate"
    title_column = "stripe_id"
    links: ClassVar = {"holder_id": HOLDERS}
    column_list: ClassVar = [
        "stripe_id",
        "holder_id",
        "status",
        "price",
        "seats",
        "period_end",
        "cancel_at_period_end",
        "created_at",
    ]
    column_details_list = "__all__"
    column_formatters: ClassVar = {"stripe_id": at_stripe("subscriptions")}
    column_formatters_detail: ClassVar = column_formatters
    column_searchable_list: ClassVar = ["stripe_id", "price"]
    column_sortable_list: ClassVar = ["created_at", "period_end"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        InputFilter(Subscription.status),
        InputFilter(Subscription.price),
        *day_range(Subscription.created_at),
    ]


class InvoiceAdmin(View, model=Invoice):
    """Invoices, also those of packs."""

    icon = "fa-solid fa-file-invoice"
    title_column = "stripe_id"
    links: ClassVar = {"holder_id": HOLDERS}
    column_list: ClassVar = [
        "stripe_id",
        "number",
        "holder_id",
        "status",
        "total",
        "paid",
        "returned",
        "currency",
        "fraud_warning",
        "created_at",
    ]
    column_details_list = "__all__"
    column_formatters: ClassVar = {"stripe_id": at_stripe("invoices")}
    column_formatters_detail: ClassVar = column_formatters
    column_searchable_list: ClassVar = ["stripe_id", "number", "payment_intent"]
    column_sortable_list: ClassVar = ["created_at", "total"]
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        InputFilter(Invoice.status),
        *day_range(Invoice.created_at),
    ]


class EventAdmin(View, model=Event):
    """Events of Stripe. One that is not processed is tried again for hours, then every night."""

    name = "Event of Stripe"
    name_plural = "Events of Stripe"
    icon = "fa-solid fa-bolt"
    title_column = "id"
    links: ClassVar = {"task_id": "tasks"}
    column_list: ClassVar = ["id", "type", "created_at", "received_at", "processed_at", "note"]
    column_details_list = "__all__"
    column_formatters: ClassVar = {"id": at_stripe("events")}
    column_formatters_detail: ClassVar = column_formatters
    column_searchable_list: ClassVar = ["id", "type", "object_id"]
    column_sortable_list: ClassVar = ["received_at", "processed_at"]
    column_default_sort: ClassVar = ("received_at", True)
    column_filters: ClassVar = [InputFilter(Event.type), *day_range(Event.received_at)]

    @action("Replay", "Process these events again? What they are about is read anew.", reason=True)
    async def replay(self, _: Request, session: AsyncSession, event_id: str) -> None:
        """Process an event again, whether it was processed or not."""
        await replay(session, event_id)
        audit.record(session, "replay", subject="billing_events", subject_id=event_id)
        await session.commit()


async def cards(request: Request) -> list[Card]:
    """Revenue, subscriptions, and what needs somebody's attention."""
    reader = database_of(request).reader
    months = func.sum(
        col(Subscription.amount) * col(Subscription.seats) / _months(Subscription.interval)
    )
    paying = (
        select(col(Subscription.currency), months.label("amount"), func.count().label("count"))
        .where(col(Subscription.status).in_(PAYING))
        .group_by(col(Subscription.currency))
    )
    waiting = select(func.count().label("count")).where(col(Event.processed_at).is_(None))
    unpaid = select(func.count().label("count")).where(
        col(Invoice.status) == "open", col(Invoice.attempts) > 0
    )

    def listed(identity: str) -> str:
        return str(request.url_for("admin:list", identity=identity))

    rows = []
    for row in await reader.rows(paying):
        amount = shown(int(row["amount"]), row["currency"])
        rows.append(Row(f"Monthly, of {row['count']}", amount, listed("subscription")))
    (failed,) = await reader.rows(unpaid)
    (late,) = await reader.rows(waiting)
    color = "red" if failed["count"] else None
    rows.append(Row("Unpaid invoices", failed["count"], listed("invoice"), color))
    rows.append(Row("Events not processed", late["count"], listed("event")))
    return [Card("Revenue", rows)]


def _months(column: Any) -> Any:
    return case((column == "year", 12), else_=1)
