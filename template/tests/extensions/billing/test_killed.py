"""Commits are real here: processes are killed with -9, and two transactions write at once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.extensions.billing.models import customers, events, invoices, lines, subscriptions
from app.extensions.billing.service import books
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.service.reading import read_invoice
from app.extensions.users.models import Role, Status, User
from devstack.stripe import LocalStripe
from devstack.supabase import LocalSupabase
from tests.extensions.billing.books import agree
from tests.extensions.billing.shop import Shop
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

# Processes all events that wait, in an order of its own, and prints each.
PROCESSOR = """
import asyncio, random, sys
from sqlalchemy import select
from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.core.tasks import SkipRunError
from app.extensions.billing.models import events
from app.extensions.billing.service import processing

async def main():
    database = Database(async_engine(get_settings()))
    async with database.session() as session:
        waiting = select(events.c.id).where(events.c.processed_at.is_(None))
        found = list((await session.exec(waiting)).scalars())
    random.Random(int(sys.argv[1])).shuffle(found)
    for event in found:
        async with database.session() as session:
            try:
                await processing.process(session, event)
            except SkipRunError:
                continue
            await session.commit()
        print(event, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def shop(
    running_app: FastAPI, database_url: str, local_stripe: LocalStripe, configured: None
) -> AsyncIterator[Shop]:
    """A shop whose commits are real."""
    settings = get_settings().model_copy(update={"database_url": database_url})
    database = Database(async_engine(settings))
    real, running_app.state.database = running_app.state.database, database
    transport = ASGITransport(running_app)
    async with (
        AsyncClient(transport=transport, base_url="http://testserver") as client,
        database.session() as session,
    ):
        shop = Shop(local_stripe, client, session)
        await shop.open()
        yield shop
        for table in (lines, invoices, subscriptions, events, customers):
            await session.exec(table.delete())
        await session.commit()
    running_app.state.database = real
    await database.close()


async def sign_up(session: AsyncSession, supabase: LocalSupabase, name: str) -> dict[str, str]:
    user = supabase.user(f"{name}@example.com")
    row = User(id=UUID(user.id), email=user.email, role=Role.USER, status=Status.APPROVED)
    session.add(row)
    await session.commit()
    started = supabase.auth.new_session(user, "password")
    return {"Authorization": f"Bearer {supabase.auth.access_token(user, started.id)}"}


def processor(database_url: str, environment: dict[str, str], seed: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESSOR, str(seed)],
        cwd=PROJECT,
        env=os.environ | environment | {"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_what_was_killed_is_done_by_the_next(
    shop: Shop,
    supabase: LocalSupabase,
    database_url: str,
    billing_environment: dict[str, str],
) -> None:
    people = [await sign_up(shop.session, supabase, f"killed{n}") for n in range(4)]
    for headers, price in zip(
        people, ("basic_monthly", "pro_monthly", "pro_yearly", "team_monthly"), strict=True
    ):
        await shop.subscribe(headers, price)
        await shop.buy(headers)
    for charge in shop.v1.charges.list({"limit": 3}).data:
        shop.v1.refunds.create({"charge": charge.id, "amount": 50})
    shop.control("advance", seconds=70 * 86400)
    for event in shop.events() * 2:
        assert (await shop.send(event)).status_code == 204
    chance = random.Random(9)
    for seed in range(6):
        victims = [processor(database_url, billing_environment, seed + part) for part in (0, 50)]
        for victim in victims:
            assert victim.stdout
            for _ in range(chance.randrange(1, 6)):
                victim.stdout.readline()
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
            victim.wait(20)
            assert victim.stdout
            victim.stdout.close()
    last = processor(database_url, billing_environment, 0)
    assert last.stdout
    last.stdout.read()
    last.stdout.close()
    assert last.wait(20) == 0
    await agree(shop)


BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


async def blocked(session: AsyncSession) -> bool:
    """Return whether a transaction of this database waits for another one."""
    found: Any = BLOCKED
    count = (await session.exec(found)).scalar_one()
    await session.rollback()
    return bool(count)


async def test_two_events_about_a_new_invoice_report_it_once(
    shop: Shop, running_app: FastAPI, supabase: LocalSupabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.subscribe(await sign_up(shop.session, supabase, "twice"), "basic_monthly")
    (customer,) = shop.v1.customers.list().data
    (known,) = shop.v1.subscriptions.list().data
    method = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    shop.v1.subscriptions.update(known.id, {"default_payment_method": method.id})
    shop.control("advance", seconds=32 * 86400)
    (unpaid,) = shop.v1.invoices.list({"status": "open"}).data
    async with stripe_client() as client:
        read = await read_invoice(client, unpaid.id)
    (row,) = await shop.rows(customers)
    await shop.session.rollback()
    reported: list[str] = []

    async def note(_: AsyncSession, event: str, **__: Any) -> None:
        reported.append(event)

    monkeypatch.setattr(books, "emit", note)
    sessions = running_app.state.database.session
    async with sessions() as first, sessions() as second:
        await books.write_invoice(first, row["holder_id"], read, await books.now(first))
        later = await books.now(second)
        writing = asyncio.create_task(books.write_invoice(second, row["holder_id"], read, later))
        while not await blocked(shop.session):
            assert not writing.done()
        await first.commit()
        await writing
        await second.commit()
    assert reported == ["billing.payment_failed"]
    (stored,) = await shop.rows(invoices)
    assert stored["read_at"] == later
