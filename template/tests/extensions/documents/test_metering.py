"""Documents cost credits: held before the provider is asked, then taken once or given back."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from httpx import AsyncClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.supabase.storage import Storage
from app.core.tasks import SkipRunError, TaskError
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.credits.models import Hold, Kind, Transaction
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, entries, holds, rates
from app.extensions.credits.service.verify import faults
from app.extensions.documents import http, ingest, upkeep
from app.extensions.documents.embedding import EmbeddingError
from app.extensions.documents.models import Document, DocumentState
from tests.extensions.documents.conftest import PATH, Send, run
from tests.extensions.documents.double import Answer, LanguageService, vectors
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("no_index")

PRICE = 7  # of the one chunk of `waiting`
BALANCE = "/api/v1/credits/balance"
HELD = (100 - PRICE, PRICE)
UNTOUCHED = (100, 0)
PAID = (100 - PRICE, 0)

Purse = Callable[[], Awaitable[tuple[int, int]]]


@pytest.fixture
async def purse(session: AsyncSession, owner: Person) -> Purse:
    """Let the owner have 100 credits, and say how many may be spent and how many are held."""

    async def look() -> tuple[int, int]:
        found = await session.run_sync(accounts.balance, owner.id)
        assert await session.run_sync(faults) == []
        return found.balance, found.held

    balance, _ = await look()
    if balance != UNTOUCHED[0]:
        await session.run_sync(entries.adjust, owner.id, UNTOUCHED[0] - balance, "Filled")
    await session.commit()
    return look


@pytest.fixture(autouse=True)
def _forget_rates() -> Iterator[None]:
    """Rates that a test has set are rolled back with it."""
    rates.forget()
    yield
    rates.forget()


@pytest.fixture
async def priced(session: AsyncSession) -> None:
    """Let a chunk cost more than what was seeded."""
    await session.run_sync(rates.set_rate, RateCreate(operation="documents.embed", per_unit=PRICE))


@pytest.fixture
def away(
    service: LanguageService, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> LanguageService:
    """A provider of vectors that does not answer."""
    monkeypatch.setattr(http, "_backoff", lambda _state: 0.0)
    configure(EMBEDDING_PROVIDER="openai", EMBEDDING_BASE_URL=service.url, EMBEDDING_DIMENSIONS="8")
    service.usual = lambda _path, _body: Answer(status=503)
    return service


async def test_a_chunk_costs_a_credit_where_nobody_has_set_another_rate(
    send: Send, someone: Any, committed: AsyncClient
) -> None:
    headers = someone()
    before = (await committed.get(BALANCE, headers=headers)).json()
    document = await send(headers, b"A sentence about bees and their dances. " * 60)
    assert (document["state"], document["chunk_count"] > 1) == ("ready", True)
    after = (await committed.get(BALANCE, headers=headers)).json()
    assert after["balance"] == before["balance"] - document["chunk_count"]
    assert after["held"] == 0


@pytest.mark.usefixtures("priced")
async def test_it_is_paid_once_however_often_it_runs(
    session: AsyncSession, waiting: Document, owner: Person, purse: Purse
) -> None:
    await run(session, waiting)
    assert await purse() == PAID
    # The first worker was taken for dead before it could say so.
    waiting.state = DocumentState.PROCESSING
    await session.commit()
    await run(session, waiting)
    assert await purse() == PAID
    spent = select(Transaction.amount).where(
        Transaction.user_id == owner.id, Transaction.kind == Kind.DEDUCTION
    )
    assert (await session.exec(spent)).all() == [-PRICE]


@pytest.mark.usefixtures("priced")
async def test_too_few_credits_fail_it_before_the_provider_is_asked(
    session: AsyncSession,
    client: AsyncClient,
    waiting: Document,
    owner: Person,
    purse: Purse,
    away: LanguageService,
) -> None:
    await session.run_sync(entries.adjust, owner.id, 2 - 100, "Spent")
    with pytest.raises(TaskError, match="takes 7 credits, and 2 are there: 5 are missing"):
        await run(session, waiting)
    await session.refresh(waiting)
    assert (waiting.state, "5 are missing" in (waiting.reason or "")) == ("failed", True)
    assert (await purse(), away.asked) == ((2, 0), [])

    away.usual = vectors(8)
    await session.run_sync(entries.grant, owner.id, 5, "Topped up")
    again = await client.post(f"{PATH}/{waiting.id}/retry", headers=owner.headers)
    assert again.status_code == 202, again.text
    await session.refresh(waiting)
    await run(session, waiting)
    assert (waiting.state, await purse()) == ("ready", (0, 0))


@pytest.mark.usefixtures("priced")
async def test_a_hold_waits_for_the_provider_and_is_taken_once(
    session: AsyncSession, waiting: Document, owner: Person, purse: Purse, away: LanguageService
) -> None:
    for _ in range(2):
        with pytest.raises(EmbeddingError):
            await run(session, waiting)
        assert await purse() == HELD
    away.usual = vectors(8)
    await run(session, waiting)
    assert await purse() == PAID
    assert len((await session.exec(select(Hold.id).where(Hold.user_id == owner.id))).all()) == 1


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize("how", ["cancelled", "deleted", "failed", "given up"])
async def test_what_ends_otherwise_gives_the_credits_back(
    session: AsyncSession,
    client: AsyncClient,
    waiting: Document,
    owner: Person,
    purse: Purse,
    away: LanguageService,
    storage: Storage,
    how: str,
) -> None:
    with pytest.raises(EmbeddingError):
        await run(session, waiting)
    assert (await purse(), len(away.asked) > 0) == (HELD, True)
    match how:
        case "cancelled":
            await client.post(f"{PATH}/{waiting.id}/cancel", headers=owner.headers)
        case "deleted":
            await client.delete(f"{PATH}/{waiting.id}", headers=owner.headers)
        case "failed":
            await storage.delete(waiting.object_key)
            with pytest.raises(TaskError):
                await run(session, waiting)
        case "given up":
            task = await session.get(TaskRecord, waiting.task_id)
            assert task
            task.state = TaskState.FAILURE
            await session.commit()
            await upkeep.end_orphans(session)
    assert await purse() == UNTOUCHED


@pytest.mark.usefixtures("priced")
async def test_one_that_is_cancelled_while_it_is_read_holds_nothing(
    session: AsyncSession,
    client: AsyncClient,
    waiting: Document,
    owner: Person,
    purse: Purse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = ingest._parts

    async def cancel_after(*args: Any) -> Any:
        parts = await read(*args)
        await client.post(f"{PATH}/{waiting.id}/cancel", headers=owner.headers)
        return parts

    monkeypatch.setattr(ingest, "_parts", cancel_after)
    with pytest.raises(SkipRunError):
        await run(session, waiting)
    assert await purse() == UNTOUCHED


@pytest.mark.usefixtures("priced")
async def test_without_its_hold_nothing_becomes_ready(
    session: AsyncSession,
    waiting: Document,
    owner: Person,
    purse: Purse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def give_back() -> None:
        held = (await session.exec(select(Hold.id).where(Hold.user_id == owner.id))).one()
        await session.run_sync(holds.release, owner.id, held)
        await session.commit()

    monkeypatch.setattr(ingest, "_index", give_back)
    with pytest.raises(TaskError, match="given back"):
        await run(session, waiting)
    await session.refresh(waiting)
    assert (waiting.state, waiting.chunk_count, await purse()) == ("failed", 0, UNTOUCHED)
