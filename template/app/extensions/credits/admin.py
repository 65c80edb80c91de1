"""Credits on the admin site: the books to look at, and what admins do to them by the service.

The service writes by statements, which the audit log does not see: what is done here is recorded
here, in the same transaction.
"""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request

from app.core.database import Database
from app.core.errors import InvalidError
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.admin import audit
from app.extensions.admin.access import Access
from app.extensions.admin.actions import Input, action, fitted, once, told
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
from app.extensions.credits.service import accounts, entries, holds, rates, tiers

AMOUNT = Input("amount", "Credits", "number")


class NewPrice(BaseModel):
    """What an operation costs from now on."""

    fixed: Price
    per_unit: Price


class AccountAdmin(View, model=Account):
    """What people have; a balance is moved by entries alone."""

    icon = "fa-solid fa-coins"
    title_column = "user_id"
    column_list: ClassVar = ["user_id", "tier", "balance", "held", "allowance", "charges_today"]
    column_details_list = "__all__"
    column_sortable_list: ClassVar = ["balance", "held"]
    column_default_sort: ClassVar = ("created_at", True)

    @action("Grant", "Give them credits?", inputs=[AMOUNT], reason=True)
    async def grant(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Give credits."""
        asked, key = await told(request, Grant), await _key(request)
        details = _by(request)
        await session.run_sync(
            lambda sync: entries.grant(
                sync, user_id, asked.amount, asked.reason, key=key, details=details
            )
        )
        await _record(session, "grant", "credits_accounts", user_id, {"amount": asked.amount})

    @action(
        "Adjust",
        "Correct the balance? Write -5 to take 5 credits away.",
        inputs=[AMOUNT],
        reason=True,
        in_list=False,
    )
    async def adjust(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Correct a balance, up or down."""
        asked, key = await told(request, Adjustment), await _key(request)
        if not asked.amount:
            raise InvalidError("A correction by 0 changes nothing.")
        details = _by(request)
        await session.run_sync(
            lambda sync: entries.adjust(
                sync, user_id, asked.amount, asked.reason, key=key, details=details
            )
        )
        await _record(session, "adjust", "credits_accounts", user_id, {"amount": asked.amount})

    @action(
        "Change tier", "Move them to another tier?", inputs=[Input("tier", "Tier")], reason=True
    )
    async def set_tier(self, request: Request, session: AsyncSession, user_id: UUID) -> None:
        """Move accounts to another tier."""
        tier = (await told(request, TierChoice)).tier
        await session.run_sync(accounts.set_tier, user_id, tier)
        await _record(session, "set_tier", "credits_accounts", user_id, {"tier": tier})


class TransactionAdmin(View, model=Transaction):
    """The ledger: nobody changes it."""

    icon = "fa-solid fa-book"
    access: ClassVar = Access(change=frozenset())
    links: ClassVar = {"user_id": "users"}
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
    """What is set aside; it ends by itself, or is given back here."""

    icon = "fa-solid fa-hourglass-half"
    links: ClassVar = {"user_id": "users"}
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

    @action("Give back", "Give these back? What they are held for is refused then.", reason=True)
    async def release(self, _: Request, session: AsyncSession, hold_id: UUID) -> None:
        """Give a hold back."""
        user_id = await session.run_sync(holds.owner, hold_id)
        await session.run_sync(holds.release, user_id, hold_id)
        await _record(session, "release", "credits_holds", hold_id, {"state": HoldState.RELEASED})


class RateAdmin(View, model=Rate):
    """What operations cost, in every version: a rate is changed by a newer one."""

    icon = "fa-solid fa-tags"
    title_column = "operation"
    can_create = True
    # A tier is a foreign key, which SQLAdmin takes for one of the keys.
    form_include_pk = True
    form_columns: ClassVar = ["operation", "tier", "fixed", "per_unit", "unfinished"]
    column_list: ClassVar = ["operation", "tier", "fixed", "per_unit", "unfinished", "valid_from"]
    column_searchable_list: ClassVar = ["operation"]
    column_default_sort: ClassVar = [("operation", False), ("valid_from", True)]
    column_filters: ClassVar = [EnumFilter(Rate.unfinished, Unfinished)]

    async def insert_model(self, request: Request, data: dict[str, Any]) -> Rate:  # noqa: ARG002 - the signature is SQLAdmin's
        """See SQLAdmin; it counts from now on."""
        values = {name: value for name, value in data.items() if value not in (None, "")}
        async with self.session_maker() as session:
            return await _set_rate(session, fitted(RateCreate, values | {"valid_from": None}))

    @action(
        "Change price",
        "Let it cost this from now on?",
        inputs=[
            Input("fixed", "Credits for each use", "number"),
            Input("per_unit", "Credits for each unit", "number"),
        ],
        reason=True,
        in_list=False,
    )
    async def change(self, request: Request, session: AsyncSession, rate_id: UUID) -> None:
        """Set a newer version of a rate."""
        price = await told(request, NewPrice)
        rate = await session.get_one(Rate, rate_id)
        values = RateCreate(
            operation=rate.operation,
            tier=rate.tier,
            unfinished=rate.unfinished,
            **price.model_dump(),
        )
        await _set_rate(session, values)


class TierAdmin(View, model=Tier):
    """What accounts of a tier are given and may do."""

    icon = "fa-solid fa-layer-group"
    title_column = "name"
    can_edit = True
    form_columns: ClassVar = ["allocation", "rollover", "daily_charges"]
    column_list: ClassVar = ["name", "allocation", "rollover", "daily_charges"]
    column_default_sort: ClassVar = ("allocation", False)

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Tier:  # noqa: ARG002 - the signature is SQLAdmin's
        """See SQLAdmin; the limit counts at once, the allocation from the next month on."""
        changes = fitted(TierUpdate, data).model_dump()
        async with self.session_maker() as session:
            await session.run_sync(tiers.update_tier, pk, changes)
            await _record(session, "update", "credits_tiers", pk, changes)
            tier: Tier = await session.get_one(Tier, pk)
            return tier


async def cards(request: Request) -> list[Card]:
    """What all have together, and whether the books added up when they were last compared."""
    database: Database = request.app.state.database
    sums = select(
        func.count().label("accounts"),
        func.coalesce(func.sum(Account.balance), 0).label("balance"),
        func.coalesce(func.sum(Account.held), 0).label("held"),
    ).select_from(Account)
    compared = (
        select(col(TaskRecord.id), col(TaskRecord.result))
        .where(
            col(TaskRecord.name) == "credits.verify",
            col(TaskRecord.state) == TaskState.SUCCESS,
        )
        .order_by(col(TaskRecord.ended_at).desc())
        .limit(1)
    )
    (found,) = await database.reader.rows(sums)
    listed = str(request.url_for("admin:list", identity="account"))
    held = str(request.url_for("admin:list", identity="hold"))
    rows = [
        Row("Accounts", found["accounts"], listed),
        Row("To be spent", found["balance"]),
        Row("Held", found["held"], f"{held}?state={HoldState.ACTIVE}"),
    ]
    for last in await database.reader.rows(compared):
        faults = len(last["result"] or ())
        url = str(request.url_for("admin:details", identity="task-record", pk=str(last["id"])))
        said = f"{faults} accounts do not add up" if faults else "add up"
        rows.append(Row("Books", said, url, "red" if faults else "green"))
    return [Card("Credits", rows)]


async def _key(request: Request) -> str | None:
    word = await once(request)
    return f"admin:{word}" if word else None


def _by(request: Request) -> dict[str, str]:
    return {"by": str(request.state.actor.id)}


async def _set_rate(session: AsyncSession, values: RateCreate) -> Rate:
    # Before it is set, for that commits.
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
