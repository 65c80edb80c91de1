"""Documents on the admin site."""

import pytest
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.tasks.models import TaskRecord
from app.extensions.admin.models import AuditEntry
from app.extensions.documents.models import Chunk, Document, DocumentState
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser
from tests.extensions.documents.conftest import Store
from tests.support.people import Person, SignIn


@pytest.fixture
async def browser(client: AsyncClient, supabase: LocalSupabase, sign_in: SignIn) -> Browser:
    """A browser in which an admin is signed in."""
    browser = Browser(client, supabase)
    await browser.sign_in(await sign_in(role=Role.ADMIN))
    await browser.get("/")
    return browser


async def test_a_document_is_cancelled_retried_and_deleted(
    browser: Browser, waiting: Document, session: AsyncSession
) -> None:
    async def do(action: str) -> int:
        page = f"/document/action/{action}?pks={waiting.id}"
        return (await browser.post(page, reason="Asked for")).status_code

    assert await do("cancel") == 303
    await session.refresh(waiting)
    assert waiting.state is DocumentState.CANCELLED
    assert await do("cancel") == 409
    assert await do("retry") == 303
    await session.refresh(waiting)
    assert (waiting.state, waiting.version) == (DocumentState.PROCESSING, 2)
    assert await do("remove") == 303
    assert await session.get(Document, waiting.id, populate_existing=True) is None
    removal = select(TaskRecord.id).where(col(TaskRecord.name) == "documents.remove_file")
    assert (await session.exec(removal)).first()
    wanted = select(AuditEntry.reason).where(
        AuditEntry.action == "remove", AuditEntry.subject == "documents"
    )
    assert "Asked for" in (await session.exec(wanted)).all()


async def test_documents_are_filtered_by_state_and_owner(
    browser: Browser, owner: Person, store: Store, session: AsyncSession
) -> None:
    await store(owner, "x", name="first.txt")
    other = await store(owner, "x", name="second.txt")
    other.state = DocumentState.FAILED
    await session.commit()
    shown = (await browser.get("/document/list", state="failed", owner_id=owner.email)).text
    assert ("second.txt" in shown, "first.txt" in shown) == (True, False)
    assert "/admin/document/list?state=failed" in (await browser.get("/")).text


async def test_only_admins_read_chunks_and_no_view_shows_vectors(
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    browser: Browser,
    owner: Person,
    store: Store,
    session: AsyncSession,
) -> None:
    document = await store(owner, "What bees know.")
    chunk = (await session.exec(select(Chunk).where(Chunk.document_id == document.id))).one()
    page = f"/chunk/details/{chunk.id}"
    shown = (await browser.get(page)).text
    assert ("What bees know." in shown, "Words" in shown) == (True, False)
    assert (await browser.get("/embedding/list")).status_code == 404
    await browser.post("/logout")
    await browser.sign_in(await sign_in(role=Role.SUPPORT))
    assert (await browser.get(page)).status_code == 403
    assert (await browser.get(f"/document/details/{document.id}")).status_code == 200
