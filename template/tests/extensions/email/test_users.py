"""Sign-up, approval, refusal and suspension by mail, from the API to the mail server."""

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.tokens import TokenVerifier
from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.extensions.email import delivery
from app.extensions.email.models import MailRecord, MailState
from app.extensions.users import service
from app.extensions.users.models import Role, Status
from devstack.inbox import InboxServer
from devstack.ports import listen, port_of
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


@pytest.mark.parametrize("local", ["a" * 65, "a,b", "a(b"])
async def test_an_address_without_mails_stops_nothing(
    client: AsyncClient,
    session: AsyncSession,
    supabase: LocalSupabase,
    approval: Approval,
    sign_in: SignIn,
    delivered: Callable[[], Awaitable[dict[str, str]]],
    local: str,
) -> None:
    """Neither that of a user nor that of an admin; Supabase Auth accepts both."""
    approval("admin")
    admin = await sign_in(role=Role.ADMIN)
    email = f"{local}@{uuid4().hex}.example.com"
    other = await sign_in(role=Role.ADMIN)
    (await service.get(session, other.id)).email = f"{local}@example.com"
    await session.commit()
    headers = {"Authorization": f"Bearer {supabase.issue_token(email)}"}
    assert (await client.get("/api/v1/users/me", headers=headers)).status_code == 403
    assert list(await delivered()) == [admin.email]
    user = await service.set_status(session, UUID(supabase.user(email).id), Status.SUSPENDED)
    assert user.status is Status.SUSPENDED
    assert await delivered() == {}


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


# --- With the local Supabase, which calls the hook as the platform does -----------------------


@pytest.fixture
async def auth(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, approval: Approval
) -> AsyncIterator[LocalSupabase]:
    """A Supabase of its own, whose mails this backend sends; the API runs on a socket."""
    secret = f"v1,whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    listening = listen(0)
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    api = uvicorn.Server(config)
    serving = asyncio.create_task(api.serve(sockets=[listening]))
    url = f"http://127.0.0.1:{port_of(listening)}/api/v1/webhooks/email/send-email"
    with LocalSupabase(
        publishable_key=get_settings().supabase_publishable_key,
        secret_key=get_settings().supabase_secret_key.get_secret_value(),
        autoconfirm=False,
        hooks={"send-email": url},
        hook_secrets=secret,
    ) as supabase:
        monkeypatch.setenv("USER_HOOK_SECRETS", secret)
        monkeypatch.setenv("SUPABASE_URL", supabase.url)
        approval("email")
        real, verifier = app.state.supabase, app.state.verifier
        async with Supabase(get_settings()) as project, httpx.AsyncClient() as http:
            app.state.supabase = project
            app.state.verifier = TokenVerifier(get_settings(), http)
            yield supabase
        app.state.supabase, app.state.verifier = real, verifier
    api.should_exit = True
    await serving


async def test_sign_up_and_change_of_address(
    client: AsyncClient, auth: LocalSupabase, session: AsyncSession, server: InboxServer
) -> None:
    """The mails are read from the mail server, their links are followed, the API is called."""
    email, new = (f"{uuid4().hex}@example.com" for _ in range(2))
    password = "a long enough password"

    async def mails() -> dict[str, str]:
        """Run the tasks; return recipient -> link of the mails that arrived."""
        waiting = select(MailRecord.id).where(col(MailRecord.state) == MailState.QUEUED)
        for mail_id in (await session.exec(waiting)).all():
            await delivery.deliver(session, mail_id)
        found = {}
        for mail in server.inbox:
            link = re.search(r"http\S+/verify\S+", mail.text)
            found[mail.recipients[0]] = link[0] if link else ""
        server.inbox.delete()
        return found

    headers = {"apikey": auth.publishable_key}
    url = f"{auth.url}/auth/v1"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as browser:
        body = {"email": email, "password": password}
        assert (await browser.post(f"{url}/signup", json=body)).status_code == 200
        answer = await browser.post(f"{url}/token?grant_type=password", json=body)
        assert answer.json()["error_code"] == "email_not_confirmed"
        links = await mails()
        assert list(links) == [email]
        answer = await browser.get(links[email])
        token = parse_qs(urlsplit(answer.headers["location"]).fragment)["access_token"][0]
        bearer = {"Authorization": f"Bearer {token}"}
        me = await client.get("/api/v1/users/me", headers=bearer)
        assert (me.status_code, me.json()["status"]) == (200, "approved")
        await mails()  # the one about the approval
        change = await browser.put(f"{url}/user", json={"email": new}, headers=bearer)
        assert change.status_code == 200
        links = await mails()
        assert links.keys() == {email, new}
        for link in links.values():
            await browser.get(link)
        answer = await browser.get(f"{url}/user", headers=bearer)
        assert answer.json()["email"] == new
