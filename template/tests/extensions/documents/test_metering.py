"""Processing a document costs credits: they are held first, then taken once or released."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from httpx import AsyncClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.supabase.storage import Storage
from app.core.tasks import SkipRunError, TaskError
from app.core.tasks.models import TaskRecord, TaskState
from app.extensions.credits.errors import InsufficientCreditsError
from app.extensions.credits.models import Hold, Kind, Transaction
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, entries, holds, rates
from app.extensions.credits.service.verify import find_discrepancies
from app.extensions.documents import cleanup, http, ingest
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
    """Give the owner 100 credits; return a function that reads the balance and the held credits."""

    async def look() -> tuple[int, int]:
        found = await session.run_sync(accounts.get_balance, owner.id)
        assert await session.run_sync(find_discrepancies) == []
        return found.balance, found.held

    balance, _ = await look()
    if balance != UNTOUCHED[0]:
        await session.run_sync(entries.adjust, owner.id, UNTOUCHED[0] - balance, "Filled")
    await session.commit()
    return look


@pytest.fixture(autouse=True)
def _clear_rates() -> Iterator[None]:
    """Clear the cache: the rates of a test are rolled back."""
    rates.clear_cache()
    yield
    rates.clear_cache()


@pytest.fixture
async def priced(session: AsyncSession) -> None:
    """Set a rate other than that of the migration."""
    await session.run_sync(rates.set_rate, RateCreate(operation="documents.embed", per_unit=PRICE))


@pytest.fixture
def away(
    service: LanguageService, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> LanguageService:
    """An embedding provider that fails."""
    monkeypatch.setattr(http, "_backoff", lambda _state: 0.0)
    configure(EMBEDDING_PROVIDER="openai", EMBEDDING_BASE_URL=service.url, EMBEDDING_DIMENSIONS="8")
    service.usual = lambda _path, _body: Answer(status=503)
    return service


async def test_a_chunk_costs_one_credit_by_default(
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
async def test_a_repeated_run_is_paid_once(
    session: AsyncSession, waiting: Document, owner: Person, purse: Purse
) -> None:
    await run(session, waiting)
    assert await purse() == PAID
    # The task is delivered again although the first worker has finished.
    waiting.state = DocumentState.PROCESSING
    await session.commit()
    await run(session, waiting)
    assert await purse() == PAID
    spent = select(Transaction.amount).where(
        Transaction.user_id == owner.id, Transaction.kind == Kind.DEDUCTION
    )
    assert (await session.exec(spent)).all() == [-PRICE]


@pytest.mark.usefixtures("priced")
async def test_with_too_few_credits_the_provider_is_not_called(
    session: AsyncSession,
    client: AsyncClient,
    waiting: Document,
    owner: Person,
    purse: Purse,
    away: LanguageService,
) -> None:
    await session.run_sync(entries.adjust, owner.id, 2 - 100, "Spent")
    with pytest.raises(TaskError) as refused:
        await run(session, waiting)
    cause = refused.value.__cause__
    assert isinstance(cause, InsufficientCreditsError)
    assert cause.members == {"required": PRICE, "available": 2, "missing": PRICE - 2}
    await session.refresh(waiting)
    assert (waiting.state, waiting.reason) == ("failed", str(refused.value))
    assert (await purse(), away.asked) == ((2, 0), [])

    away.usual = vectors(8)
    await session.run_sync(entries.grant, owner.id, 5, "Topped up")
    again = await client.post(f"{PATH}/{waiting.id}/retry", headers=owner.headers)
    assert again.status_code == 202, again.text
    await session.refresh(waiting)
    await run(session, waiting)
    assert (waiting.state, await purse()) == ("ready", (0, 0))


@pytest.mark.usefixtures("priced")
async def test_retries_share_one_hold(
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
async def test_any_other_end_releases_the_credits(
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
            await cleanup.end_orphaned(session)
    assert await purse() == UNTOUCHED


@pytest.mark.usefixtures("priced")
async def test_a_document_cancelled_while_it_is_read_holds_nothing(
    session: AsyncSession,
    client: AsyncClient,
    waiting: Document,
    owner: Person,
    purse: Purse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extract = ingest._extract_parts

    async def cancel_after(*args: Any) -> Any:
        parts = await extract(*args)
        await client.post(f"{PATH}/{waiting.id}/cancel", headers=owner.headers)
        return parts

    monkeypatch.setattr(ingest, "_extract_parts", cancel_after)
    with pytest.raises(SkipRunError):
        await run(session, waiting)
    assert await purse() == UNTOUCHED


@pytest.mark.usefixtures("priced")
async def test_without_its_hold_a_document_fails(
    session: AsyncSession,
    waiting: Document,
    owner: Person,
    purse: Purse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def release() -> None:
        held = (await session.exec(select(Hold.id).where(Hold.user_id == owner.id))).one()
        await session.run_sync(holds.release, owner.id, held)
        await session.commit()

    monkeypatch.setattr(ingest, "_ensure_index", release)
    with pytest.raises(TaskError):
        await run(session, waiting)
    await session.refresh(waiting)
    assert (waiting.state, waiting.chunk_count, await purse()) == ("failed", 0, UNTOUCHED)
