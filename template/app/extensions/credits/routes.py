"""`/credits`: the caller's own, and for admins everybody's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.core.database import DatabaseReader, DatabaseSession
from app.core.errors import InvalidError
from app.core.http.pagination import KeysetPage
from app.extensions.credits.deps import IdempotencyKey
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
from app.extensions.credits.service import accounts, books, entries, holds, rates, tiers
from app.extensions.users.deps import AdminUser, CurrentUser
from app.extensions.users.service import get

router = APIRouter()


@router.get("/balance", summary="What do I have?")
async def read_balance(user: CurrentUser, session: DatabaseSession) -> BalanceRead:
    """The caller's balance."""
    found = await session.run_sync(accounts.balance, user.id)
    await session.commit()  # the first look opens the account
    return found


@router.get("/transactions", summary="List my transactions")
async def list_transactions(
    user: CurrentUser, query: Annotated[TransactionQuery, Query()], reader: DatabaseReader
) -> KeysetPage[TransactionRead]:
    """Entries of the caller's ledger, newest first."""
    return await books.TRANSACTIONS.page(reader, query, user_id=user.id)


@router.get(
    "/transactions.csv",
    summary="Download my transactions",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def download_transactions(
    user: CurrentUser, query: Annotated[TransactionFilter, Query()], reader: DatabaseReader
) -> StreamingResponse:
    """All entries of the caller's ledger as CSV, newest first."""
    return StreamingResponse(
        books.as_csv(reader, user.id, query),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="transactions.csv"'},
    )


@router.get("/summary", summary="Sum up my transactions")
async def read_summary(
    user: CurrentUser, query: Annotated[SummaryQuery, Query()], session: DatabaseSession
) -> list[SummaryRead]:
    """What was added and spent, by period and operation."""
    return await session.run_sync(books.summary, user.id, query)


@router.get("/holds", summary="List my holds")
async def list_holds(
    user: CurrentUser, query: Annotated[HoldQuery, Query()], reader: DatabaseReader
) -> KeysetPage[HoldRead]:
    """Credits that are or were set aside, newest first."""
    return await books.HOLDS.page(reader, query, user_id=user.id)


@router.get("/rates", summary="What does it cost?")
async def list_rates(_: CurrentUser, session: DatabaseSession) -> list[RateRead]:
    """The rates that count now."""
    return await session.run_sync(rates.current)


@router.get("/rates/{operation}", summary="List the rates of an operation")
async def list_versions(_: AdminUser, operation: str, session: DatabaseSession) -> list[RateRead]:
    """Every rate of an operation, those to come and those that were. For admins."""
    return list(await session.run_sync(rates.versions, operation))


@router.post("/rates", status_code=201, summary="Set a rate")
async def set_rate(_: AdminUser, rate: RateCreate, session: DatabaseSession) -> RateRead:
    """Let an operation cost something else, from now on or from a later moment. For admins."""
    return await session.run_sync(rates.set_rate, rate)


@router.get("/tiers", summary="List tiers")
async def list_tiers(_: CurrentUser, session: DatabaseSession) -> list[TierRead]:
    """What each tier gives and allows."""
    return await session.run_sync(tiers.list_tiers)


@router.patch("/tiers/{name}", summary="Change a tier")
async def update_tier(
    _: AdminUser, name: str, changes: TierUpdate, session: DatabaseSession
) -> TierRead:
    """Change what a tier gives from the next month on, and allows from now on. For admins."""
    values = changes.model_dump(exclude_unset=True)
    tier = await session.run_sync(tiers.update_tier, name, values)
    await session.commit()
    return tier


@router.get("/accounts/{user_id}", summary="Read an account")
async def read_account(_: AdminUser, user_id: UUID, session: DatabaseSession) -> BalanceRead:
    """What a user has. For admins."""
    await get(session, user_id)
    found = await session.run_sync(accounts.balance, user_id)
    await session.commit()
    return found


@router.get("/accounts/{user_id}/transactions", summary="List an account's transactions")
async def list_account_transactions(
    _: AdminUser,
    user_id: UUID,
    query: Annotated[TransactionQuery, Query()],
    reader: DatabaseReader,
) -> KeysetPage[TransactionRead]:
    """Entries of a user's ledger, newest first. For admins."""
    return await books.TRANSACTIONS.page(reader, query, user_id=user_id)


@router.get("/accounts/{user_id}/holds", summary="List an account's holds")
async def list_account_holds(
    _: AdminUser, user_id: UUID, query: Annotated[HoldQuery, Query()], reader: DatabaseReader
) -> KeysetPage[HoldRead]:
    """What is or was set aside for a user, newest first. For admins."""
    return await books.HOLDS.page(reader, query, user_id=user_id)


@router.post("/accounts/{user_id}/grant", status_code=201, summary="Grant credits")
async def grant(
    admin: AdminUser,
    user_id: UUID,
    grant: Grant,
    session: DatabaseSession,
    key: IdempotencyKey = None,
) -> TransactionRead:
    """Give a user credits. The same Idempotency-Key again gives the same answer. For admins."""
    await get(session, user_id)
    entry = await session.run_sync(
        lambda sync: entries.grant(
            sync, user_id, grant.amount, grant.reason, key=key, details={"by": str(admin.id)}
        )
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
    """Correct a user's balance, up or down. For admins."""
    await get(session, user_id)
    amount, reason = adjustment.amount, adjustment.reason
    if not amount:
        raise InvalidError("A correction by 0 changes nothing.")
    entry = await session.run_sync(
        lambda sync: entries.adjust(
            sync, user_id, amount, reason, key=key, details={"by": str(admin.id)}
        )
    )
    await session.commit()
    return entry


@router.put("/accounts/{user_id}/tier", summary="Give an account another tier")
async def set_tier(
    _: AdminUser, user_id: UUID, choice: TierChoice, session: DatabaseSession
) -> BalanceRead:
    """Move a user to another tier. For admins."""
    await get(session, user_id)
    found = await session.run_sync(accounts.set_tier, user_id, choice.tier)
    await session.commit()
    return found


@router.post("/holds/{hold_id}/release", summary="Give a hold back")
async def release_hold(_: AdminUser, hold_id: UUID, session: DatabaseSession) -> TransactionRead:
    """Give back what is set aside; what it was held for is refused then. For admins."""
    user_id = await session.run_sync(holds.owner, hold_id)
    entry = await session.run_sync(holds.release, user_id, hold_id)
    await session.commit()
    return entry
