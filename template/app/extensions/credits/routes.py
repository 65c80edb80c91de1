"""`/credits`: the caller's account, and for admins all accounts, rates and tiers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import DatabaseReader, DatabaseSession
from app.core.http.pagination import KeysetPage
from app.core.http.streams import Stream
from app.extensions.credits.deps import CurrentHolder, CurrentManager, IdempotencyKey
from app.extensions.credits.schemas import (
    Adjustment,
    BalanceRead,
    Grant,
    HoldQuery,
    HoldRead,
    RateCreate,
    RateRead,
    SummaryQuery,
    SummaryRead,
    TierChoice,
    TierRead,
    TierUpdate,
    TransactionFilter,
    TransactionQuery,
    TransactionRead,
)
from app.extensions.credits.service import (
    accounts,
    entries,
    holders,
    holds,
    rates,
    reports,
    tiers,
)
from app.extensions.users.deps import AdminUser, CurrentUser
from app.extensions.users.service import get

router = APIRouter()


@router.get("/balance", summary="Read my balance")
async def read_balance(holder: CurrentHolder, session: DatabaseSession) -> BalanceRead:
    """The balance of the account."""
    found = await session.run_sync(accounts.get_balance, holder.id)
    await session.commit()  # the first request opens the account
    return found


@router.get("/transactions", summary="List my transactions")
async def list_transactions(
    holder: CurrentManager, query: Annotated[TransactionQuery, Query()], reader: DatabaseReader
) -> KeysetPage[TransactionRead]:
    """Entries of the ledger, newest first."""
    return await reports.TRANSACTIONS.page(reader, query, user_id=holder.id)


@router.get(
    "/transactions.csv",
    summary="Download my transactions",
    response_class=Stream,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_transactions(
    holder: CurrentManager, query: Annotated[TransactionFilter, Query()], reader: DatabaseReader
) -> Stream:
    """All entries of the ledger as CSV, newest first."""
    return Stream(
        reports.stream_csv(reader, holder.id, query),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="transactions.csv"'},
    )


@router.get("/summary", summary="Sum up my transactions")
async def read_summary(
    holder: CurrentManager, query: Annotated[SummaryQuery, Query()], session: DatabaseSession
) -> list[SummaryRead]:
    """The sums of additions and payments, by period and operation."""
    return await session.run_sync(reports.summarize, holder.id, query)


@router.get("/holds", summary="List my holds")
async def list_holds(
    holder: CurrentManager, query: Annotated[HoldQuery, Query()], reader: DatabaseReader
) -> KeysetPage[HoldRead]:
    """The holds, newest first."""
    return await reports.HOLDS.page(reader, query, user_id=holder.id)


@router.get("/rates", summary="List rates")
async def list_rates(_: CurrentUser, session: DatabaseSession) -> list[RateRead]:
    """The current rates."""
    return await session.run_sync(rates.list_current)


@router.get("/rates/{operation}", summary="List the rates of an operation")
async def list_versions(_: AdminUser, operation: str, session: DatabaseSession) -> list[RateRead]:
    """The future, current and earlier rates of an operation. For admins."""
    return list(await session.run_sync(rates.list_versions, operation))


@router.post("/rates", status_code=201, summary="Set a rate")
async def set_rate(_: AdminUser, rate: RateCreate, session: DatabaseSession) -> RateRead:
    """Set the price of an operation from now on or from a later time. For admins."""
    return await session.run_sync(rates.set_rate, rate)


@router.get("/tiers", summary="List tiers")
async def list_tiers(_: CurrentUser, session: DatabaseSession) -> list[TierRead]:
    """All tiers with their allocations and limits."""
    return await session.run_sync(tiers.list_tiers)


@router.patch("/tiers/{name}", summary="Change a tier")
async def update_tier(
    _: AdminUser, name: str, changes: TierUpdate, session: DatabaseSession
) -> TierRead:
    """Change the allocation from the next month on, and the limit at once. For admins."""
    values = changes.model_dump(exclude_unset=True)
    tier = await session.run_sync(tiers.update_tier, name, values)
    await session.commit()
    return tier


@router.get("/accounts/{user_id}", summary="Read an account")
async def read_account(_: AdminUser, user_id: UUID, session: DatabaseSession) -> BalanceRead:
    """The balance of an account. For admins."""
    user_id = await _holder(session, user_id)
    found = await session.run_sync(accounts.get_balance, user_id)
    await session.commit()
    return found


@router.get("/accounts/{user_id}/transactions", summary="List an account's transactions")
async def list_account_transactions(
    _: AdminUser,
    user_id: UUID,
    query: Annotated[TransactionQuery, Query()],
    session: DatabaseSession,
    reader: DatabaseReader,
) -> KeysetPage[TransactionRead]:
    """Entries of an account's ledger, newest first. For admins."""
    user_id = await _holder(session, user_id)
    return await reports.TRANSACTIONS.page(reader, query, user_id=user_id)


@router.get("/accounts/{user_id}/holds", summary="List an account's holds")
async def list_account_holds(
    _: AdminUser,
    user_id: UUID,
    query: Annotated[HoldQuery, Query()],
    session: DatabaseSession,
    reader: DatabaseReader,
) -> KeysetPage[HoldRead]:
    """The holds of an account, newest first. For admins."""
    user_id = await _holder(session, user_id)
    return await reports.HOLDS.page(reader, query, user_id=user_id)


@router.post("/accounts/{user_id}/grant", status_code=201, summary="Grant credits")
async def grant(
    admin: AdminUser,
    user_id: UUID,
    grant: Grant,
    session: DatabaseSession,
    key: IdempotencyKey = None,
) -> TransactionRead:
    """Add credits. A repeated Idempotency-Key gets the first response again. For admins."""
    user_id = await _holder(session, user_id)
    details = {"by": str(admin.id)}
    entry = await session.run_sync(
        entries.grant, user_id, grant.amount, grant.reason, key=key, details=details
    )
    await session.commit()
    return entry


@router.post("/accounts/{user_id}/adjust", status_code=201, summary="Correct a balance")
async def adjust(
    admin: AdminUser,
    user_id: UUID,
    adjustment: Adjustment,
    session: DatabaseSession,
    key: IdempotencyKey = None,
) -> TransactionRead:
    """Correct a balance, up or down. For admins."""
    user_id = await _holder(session, user_id)
    details = {"by": str(admin.id)}
    entry = await session.run_sync(
        entries.adjust, user_id, adjustment.amount, adjustment.reason, key=key, details=details
    )
    await session.commit()
    return entry


@router.put("/accounts/{user_id}/tier", summary="Change an account's tier")
async def set_tier(
    _: AdminUser, user_id: UUID, choice: TierChoice, session: DatabaseSession
) -> BalanceRead:
    """Move an account to another tier. For admins."""
    user_id = await _holder(session, user_id)
    found = await session.run_sync(accounts.set_tier, user_id, choice.tier)
    await session.commit()
    return found


@router.post("/holds/{hold_id}/release", summary="Release a hold")
async def release_hold(_: AdminUser, hold_id: UUID, session: DatabaseSession) -> TransactionRead:
    """Release a hold. The work that it was for can then no longer be paid. For admins."""
    entry = await session.run_sync(holds.release_by_id, hold_id)
    await session.commit()
    return entry


async def _holder(session: AsyncSession, holder_id: UUID) -> UUID:
    """Return the id of the account: a holder may pay from that of another one.

    Raises:
        NotFoundError: it is neither the id of a user nor of another holder.
    """
    found = await session.run_sync(holders.find, holder_id)
    return found or (await get(session, holder_id)).id
