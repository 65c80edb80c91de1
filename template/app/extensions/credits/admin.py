"""Credits on the admin site: read-only views, and actions that call the service.

The service changes rows by statements, which the audit log does not notice. Each action therefore
records itself, in the same transaction.
"""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database import database_of
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin import audit
from app.extensions.admin.access import Access
from app.extensions.admin.actions import (
    Input,
    action,
    idempotency_key,
    parse_form,
    validate_form,
)
from app.extensions.admin.cards import Card, Row
from app.extensions.admin.filters import EnumFilter, InputFilter, day_range
from app.extensions.admin.views import View
from app.extensions.credits.models import (
    Account,
    Hold,
    HoldState,
    Kind,
    Rate,
    Tier,
    Transaction,
    Unfinished,
)
from app.extensions.credits.schemas import (
    Adjustment,
    Grant,
    Price,
    RateCreate,
    TierChoice,
    TierUpdate,
)
from app.extensions.credits.service import accounts, entries, holders, holds, rates, tiers

HOLDERS = holders.tables()
AMOUNT = Input("amount", "Credits", "number")


class NewPrice(BaseModel):
    """The form for a new price of an operation."""

    fixed: Price
    per_unit: Price


class AccountAdmin(View, model=Account):
    """Accounts; only entries of the ledger change a balance."""

    icon = "fa-solid fa-coins"
    title_column = "user_id"
    links: ClassVar = {"user_id": HOLDERS}
    column_list: ClassVar = ["user_id", "tier", "balance", "held", "allowance", "charges_today"]
    column_details_list = "__all__"
    column_sortable_list: ClassVar = ["balance", "held"]
    column_default_sort: ClassVar = ("created_at", True)

    @action("Grant", "Add credits to these accounts?", inputs=[AMOUNT], reason=True)
    async def grant(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Add credits."""
        form, key = await parse_form(request, Grant), await _key(request)
        await session.run_sync(
            entries.grant, user_id, form.amount, form.reason, key=key, details=_details(request)
        )
        await _record(session, "grant", "credits_accounts", user_id, {"amount": form.amount})

    @action(
        "Adjust",
        "Correct the balance? Enter -5 to take 5 credits away.",
        inputs=[AMOUNT],
        reason=True,
        in_list=False,
    )
    async def adjust(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Correct a balance, up or down."""
        form, key = await parse_form(request, Adjustment), await _key(request)
        await session.run_sync(
            entries.adjust, user_id, form.amount, form.reason, key=key, details=_details(request)
        )
        await _record(session, "adjust", "credits_accounts", user_id, {"amount": form.amount})

    @action(
        "Change tier",
        "Move these accounts to another tier?",
        inputs=[Input("tier", "Tier")],
        reason=True,
    )
    async def set_tier(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Move an account to another tier."""
        tier = (await parse_form(request, TierChoice)).tier
        await session.run_sync(accounts.set_tier, user_id, tier)
        await _record(session, "set_tier", "credits_accounts", user_id, {"tier": tier})


class TransactionAdmin(View, model=Transaction):
    """The ledger; no role can change it."""

    icon = "fa-solid fa-book"
    access: ClassVar = Access(change=frozenset())
    links: ClassVar = {"user_id": HOLDERS}
    column_list: ClassVar = [
        "created_at",
        "user_id",
        "kind",
        "amount",
        "balance_after",
        "operation",
        "reason",
    ]
    column_details_list = "__all__"
    column_searchable_list: ClassVar = ["operation", "reason", "reference"]
    column_default_sort: ClassVar = [("created_at", True), ("position", True)]
    column_filters: ClassVar = [
        EnumFilter(Transaction.kind, Kind),
        InputFilter(Transaction.operation),
        *day_range(Transaction.created_at),
    ]


class HoldAdmin(View, model=Hold):
    """Holds. They expire, or an admin releases them."""

    icon = "fa-solid fa-hourglass-half"
    links: ClassVar = {"user_id": HOLDERS}
    column_list: ClassVar = [
        "created_at",
        "user_id",
        "state",
        "amount",
        "used",
        "operation",
        "expires_at",
    ]
    column_details_list = "__all__"
    column_default_sort: ClassVar = ("created_at", True)
    column_filters: ClassVar = [
        EnumFilter(Hold.state, HoldState),
        InputFilter(Hold.operation),
        *day_range(Hold.created_at),
    ]

    @action(
        "Release",
        "Release these holds? The work that they are for can then no longer be paid.",
        reason=True,
    )
    async def release(self, _: Request, session: AsyncSession, hold_id: UUID) -> None:
        """Release a hold."""
        await session.run_sync(holds.release_by_id, hold_id)
        await _record(session, "release", "credits_holds", hold_id, {"state": HoldState.RELEASED})


class RateAdmin(View, model=Rate):
    """All versions of the rates; a newer version replaces a rate."""

    icon = "fa-solid fa-tags"
    title_column = "operation"
    can_create = True
    # SQLAdmin leaves keys out of forms, and treats the tier, a foreign key, as one.
    form_include_pk = True
    form_columns: ClassVar = ["operation", "tier", "fixed", "per_unit", "unfinished"]
    column_list: ClassVar = ["operation", "tier", "fixed", "per_unit", "unfinished", "valid_from"]
    column_searchable_list: ClassVar = ["operation"]
    column_default_sort: ClassVar = [("operation", False), ("valid_from", True)]
    column_filters: ClassVar = [EnumFilter(Rate.unfinished, Unfinished)]

    async def insert_model(self, request: Request, data: dict[str, Any]) -> Rate:  # noqa: ARG002 - SQLAdmin defines the signature
        """See SQLAdmin; the rate starts now."""
        values = {name: value for name, value in data.items() if value not in (None, "")}
        async with self.session_maker() as session:
            return await _set_rate(
                session, validate_form(RateCreate, values | {"valid_from": None})
            )

    @action(
        "Change price",
        "Set a new price from now on?",
        inputs=[
            Input("fixed", "Credits for each use", "number"),
            Input("per_unit", "Credits for each unit", "number"),
        ],
        reason=True,
        in_list=False,
    )
    async def change(self, request: Request, session: AsyncSession, rate_id: UUID) -> None:
        """Set a new version of a rate."""
        price = await parse_form(request, NewPrice)
        rate = await session.get_one(Rate, rate_id)
        values = RateCreate(
            operation=rate.operation,
            tier=rate.tier,
            unfinished=rate.unfinished,
            **price.model_dump(),
        )
        await _set_rate(session, values)


class TierAdmin(View, model=Tier):
    """Tiers; admins edit allocations and limits."""

    icon = "fa-solid fa-layer-group"
    title_column = "name"
    can_edit = True
    form_columns: ClassVar = ["allocation", "rollover", "daily_charges"]
    column_list: ClassVar = ["name", "allocation", "rollover", "daily_charges"]
    column_default_sort: ClassVar = ("allocation", False)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Tier:  # noqa: ARG002 - SQLAdmin defines the signature
        """See SQLAdmin; the limit applies at once, the allocation from the next month on."""
        changes = validate_form(TierUpdate, data).model_dump()
        async with self.session_maker() as session:
            await session.run_sync(tiers.update_tier, pk, changes)
            await _record(session, "update", "credits_tiers", pk, changes)
            tier: Tier = await session.get_one(Tier, pk)
            return tier


async def cards(request: Request) -> list[Card]:
    """The sums of all accounts, and the result of the last verification."""
    reader = database_of(request).reader
    sums = select(
        func.count().label("accounts"),
        func.coalesce(func.sum(Account.balance), 0).label("balance"),
        func.coalesce(func.sum(Account.held), 0).label("held"),
    ).select_from(Account)
    verified = (
        select(col(TaskRecord.id), col(TaskRecord.result))
        .where(
            col(TaskRecord.name) == "credits.verify",
            col(TaskRecord.state) == TaskState.SUCCESS,
        )
        .order_by(col(TaskRecord.ended_at).desc())
        .limit(1)
    )
    (found,) = await reader.rows(sums)
    listed = str(request.url_for("admin:list", identity="account"))
    held = str(request.url_for("admin:list", identity="hold"))
    rows = [
        Row("Accounts", found["accounts"], listed),
        Row("Balance", found["balance"]),
        Row("Held", found["held"], f"{held}?state={HoldState.ACTIVE}"),
    ]
    for last in await reader.rows(verified):
        count = len(last["result"] or ())
        url = str(request.url_for("admin:details", identity="task-record", pk=str(last["id"])))
        rows.append(Row("Discrepancies", count, url, "red" if count else "green"))
    return [Card("Credits", rows)]


async def _key(request: Request) -> str | None:
    key = await idempotency_key(request)
    return f"admin:{key}" if key else None


def _details(request: Request) -> dict[str, str]:
    return {"by": str(request.state.actor.id)}


async def _set_rate(session: AsyncSession, values: RateCreate) -> Rate:
    # First, because `set_rate` commits.
    audit.record(
        session,
        "create",
        subject="credits_rates",
        subject_id=values.operation,
        after=values.model_dump(mode="json", exclude_none=True),
    )
    made = await session.run_sync(rates.set_rate, values)
    return await session.get_one(Rate, made.id)


async def _record(
    session: AsyncSession, name: str, table: str, key: object, after: dict[str, Any]
) -> None:
    audit.record(session, name, subject=table, subject_id=key, after=after)
    await session.commit()
