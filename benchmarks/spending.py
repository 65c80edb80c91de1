"""Spends credits as the project does and by hand, in turns; runs with the project's Python.

`python spending.py ROUNDS CHARGES` prints a line of JSON for each round, way and crowd.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import charges, rates
from uuid_utils.compat import uuid7

AT_ONCE = 8
OPERATION = "benchmark.charge"
BALANCE = 10**12

LOCK = """
SELECT a.tier, a.balance, a.held, t.daily_charges FROM app.credits_accounts a
JOIN app.credits_tiers t ON t.name = a.tier WHERE a.user_id = $1 FOR UPDATE OF a
"""
ENTRY_OF_KEY = "SELECT id FROM app.credits_transactions WHERE user_id = $1 AND idempotency_key = $2"
HOLD_OF_KEY = """
SELECT id, state FROM app.credits_holds
WHERE user_id = $1 AND idempotency_key = $2 AND state IN ('active', 'committed')
"""
POST = """
WITH moved AS (
    UPDATE app.credits_accounts
    SET balance = balance + $2, held = held + $3, allowance = greatest(allowance + $4, 0),
        entries = entries + 1, updated_at = clock_timestamp()
    WHERE user_id = $1 AND balance + $2 >= 0 RETURNING entries, balance
)
INSERT INTO app.credits_transactions (
    id, user_id, position, kind, amount, balance_after, operation, reason, reference,
    idempotency_key, details
) SELECT $5, $1, entries, $6, $2, balance, $7, $7, $8, $9, '{}' FROM moved RETURNING id, created_at
"""
HOLD = """
INSERT INTO app.credits_holds (id, user_id, amount, used, state, operation, unfinished, reason,
    idempotency_key, created_at, expires_at)
VALUES ($1, $2, 1, 0, 'active', $3, 'release', $3, $4, $5, $6) RETURNING id
"""
END = """
UPDATE app.credits_holds SET state = 'committed', used = 1, ended_at = clock_timestamp()
WHERE id = $1 AND user_id = $2 AND state = 'active' RETURNING amount
"""

Spend = Callable[[UUID, str], Awaitable[None]]


async def post(
    c: asyncpg.Connection,
    user: UUID,
    kind: str,
    by: int,
    held: int,
    ref: str | None,
    key: str | None,
) -> None:
    """Write one entry."""
    spent = by if kind == "deduction" else 0
    row = await c.fetchrow(POST, user, by, held, spent, uuid7(), kind, OPERATION, ref, key)
    assert row, "too few credits"


def by_hand(pool: asyncpg.Pool) -> dict[str, Spend]:
    """The two ways to pay, with nothing but a driver."""

    async def spend(user: UUID, key: str) -> None:
        async with pool.acquire() as c, c.transaction():
            await c.fetchrow(LOCK, user)
            if not await c.fetchrow(ENTRY_OF_KEY, user, key):
                await post(c, user, "deduction", -1, 0, None, key)

    async def charge(user: UUID, key: str) -> None:
        hold = uuid7()
        async with pool.acquire() as c, c.transaction():
            await c.fetchrow(LOCK, user)
            if await c.fetchrow(HOLD_OF_KEY, user, key):
                return
            await post(c, user, "hold", -1, 1, str(hold), None)
            now = datetime.now(UTC)
            await c.fetchrow(HOLD, hold, user, OPERATION, key, now, now + timedelta(minutes=15))
        async with pool.acquire() as c, c.transaction():
            await c.fetchrow(LOCK, user)
            assert await c.fetchrow(END, hold, user)
            await post(c, user, "release", 1, -1, str(hold), None)
            await post(c, user, "deduction", -1, 0, str(hold), None)

    return {"spend": spend, "charge": charge}


def by_template(database: Database) -> dict[str, Spend]:
    """The same, as a route or task of the project pays."""

    async def spend(user: UUID, key: str) -> None:
        async with database.session() as session:
            await session.run_sync(charges.spend, user, OPERATION, key=key)
            await session.commit()

    async def charge(user: UUID, key: str) -> None:
        async with database.session() as session:
            async with charges.charging_async(session, user, OPERATION, key=key):
                pass
            await session.commit()

    return {"spend": spend, "charge": charge}


async def per_second(spend: Spend, users: list[UUID], count: int) -> float:
    """Charges a second, with so many at once."""
    turns = iter([(users[n % len(users)], str(uuid7())) for n in range(count)])

    async def spender() -> None:
        for user, key in turns:
            await spend(user, key)

    started = time.perf_counter()
    await asyncio.gather(*(spender() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - started)


async def people(pool: asyncpg.Pool, count: int) -> list[UUID]:
    """Users with accounts that never run dry, of a tier that does not count."""
    users = [uuid7() for _ in range(count)]
    await pool.execute("UPDATE app.credits_tiers SET daily_charges = NULL")
    await pool.execute(
        "INSERT INTO app.users (id, role, status, created_at, updated_at)"
        " SELECT unnest($1::uuid[]), 'user', 'approved', now(), now()",
        users,
    )
    await pool.execute(
        "INSERT INTO app.credits_accounts (user_id, tier, balance, held, allowance, entries,"
        " charges_today, created_at, updated_at)"
        " SELECT unnest($1::uuid[]), 'enterprise', $2, 0, 0, 0, 0, now(), now()",
        users,
        BALANCE,
    )
    return users


async def main(rounds: int, count: int) -> None:
    """Measure each round, way and number of accounts."""
    settings = get_settings().model_copy(update={"db_pool_size": AT_ONCE})
    database = Database(async_engine(settings))
    async with asyncpg.create_pool(
        settings.database_url, min_size=AT_ONCE, max_size=AT_ONCE
    ) as pool:
        crowds = {number: await people(pool, number) for number in (1, 1_000)}
        async with database.session() as session:
            rate = RateCreate(operation=OPERATION, fixed=1)
            await session.run_sync(rates.set_rate, rate)
        ways = {"template": by_template(database), "bare": by_hand(pool)}
        for way, (number, users) in itertools.product(("spend", "charge"), crowds.items()):
            for spends in ways.values():
                await per_second(spends[way], users, count // 4)
            for _ in range(rounds):
                found = {
                    name: await per_second(spends[way], users, count)
                    for name, spends in ways.items()
                }
                print(json.dumps({"way": way, "accounts": number, **found}), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
