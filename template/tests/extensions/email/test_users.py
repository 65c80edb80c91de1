"""Sign-up, approval, refusal and suspension by mail, from the API to the mail server."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.email import delivery
from app.extensions.email.models import MailRecord, MailState
from app.extensions.users import service
from app.extensions.users.models import Role, Status
from devstack.inbox import InboxServer
from devstack.supabase import LocalSupabase
from tests.extensions.email.conftest import Configure
from tests.support.people import SignIn

Approval = Callable[[str], None]


@pytest.fixture
def approval(monkeypatch: pytest.MonkeyPatch, configure: Configure) -> Approval:
    def set_to(value: str) -> None:
        monkeypatch.setenv("USER_APPROVAL", value)
        configure()

    return set_to


@pytest.fixture
def delivered(
    session: AsyncSession, server: InboxServer
) -> Callable[[], Awaitable[dict[str, str]]]:
    """Run the tasks; return recipient -> subject of the mails that arrived since the last call."""

    async def run() -> dict[str, str]:
        waiting = select(MailRecord.id).where(col(MailRecord.state) == MailState.QUEUED)
        for mail_id in (await session.exec(waiting)).all():
            await delivery.deliver(session, mail_id)
        found = {mail.recipients[0]: mail.subject for mail in server.inbox}
        server.inbox.delete()
        return found

    return run


async def test_approval_by_an_admin(
    client: AsyncClient,
    session: AsyncSession,
    supabase: LocalSupabase,
    sign_in: SignIn,
    approval: Approval,
    delivered: Callable[[], Awaitable[dict[str, str]]],
) -> None:
    approval("admin")
    admin = await sign_in(role=Role.ADMIN)
    email = f"{uuid4().hex}@example.com"
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    user_id = UUID(supabase.user(email).id)

    async def code() -> str:
        return str((await client.get("/api/v1/users/me", headers=headers)).json().get("code"))

    assert await code() == "account_pending"
    assert await code() == "account_pending"
    assert await delivered() == {admin.email: f"{email} waits for approval"}
    await service.set_status(session, user_id, Status.APPROVED)
    await service.set_status(session, user_id, Status.APPROVED)
    assert list(await delivered()) == [email]
    assert await code() == "None"
    await service.set_status(session, user_id, Status.SUSPENDED)
    assert "suspended" in (await delivered())[email]
    assert await code() == "account_suspended"


async def test_a_refusal(
    client: AsyncClient,
    session: AsyncSession,
    supabase: LocalSupabase,
    approval: Approval,
    delivered: Callable[[], Awaitable[dict[str, str]]],
) -> None:
    approval("admin")
    email = f"{uuid4().hex}@example.com"
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    await client.get("/api/v1/users/me", headers=headers)
    await delivered()
    await service.set_status(session, UUID(supabase.user(email).id), Status.REJECTED)
    assert list(await delivered()) == [email]


async def test_nobody_is_told_without_approval(
    client: AsyncClient,
    supabase: LocalSupabase,
    sign_in: SignIn,
    delivered: Callable[[], Awaitable[dict[str, str]]],
) -> None:
    await sign_in(role=Role.ADMIN)
    token = supabase.issue_token(f"{uuid4().hex}@example.com")
    await client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert await delivered() == {}
