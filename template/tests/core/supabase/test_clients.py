"""The clients of the Supabase project: their keys, and their retries."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.settings import get_settings
from app.core.supabase.clients import RETRY, IdempotentRetries, Supabase, with_supabase
from devstack.ports import free_port
from devstack.supabase import LocalSupabase

PASSWORD = "correct horse 1"
USER = "/auth/v1/user"
HEALTH = "/auth/v1/health"
ATTEMPTS = 1 + RETRY.total


@pytest.fixture
async def ours(supabase: LocalSupabase) -> AsyncIterator[Supabase]:
    async with Supabase(get_settings()) as project:
        yield project


@pytest.fixture
def sent(ours: Supabase) -> list[httpx.Request]:
    """Every request that is sent."""
    requests: list[httpx.Request] = []

    async def keep(request: httpx.Request) -> None:
        requests.append(request)

    ours.http.event_hooks["request"].append(keep)
    return requests


@pytest.fixture
def traffic(supabase: LocalSupabase) -> Iterator[Any]:
    yield supabase.traffic
    supabase.traffic.heal()


async def test_the_service_client_keeps_the_secret_key(
    ours: Supabase, sent: list[httpx.Request], supabase: LocalSupabase
) -> None:
    secret = f"Bearer {supabase.secret_key}"

    async def as_user(number: int) -> str:
        token = supabase.auth.start_session(supabase.user(f"client{number}@example.com"))[
            "access_token"
        ]
        await ours.service.storage.list_buckets()
        user = await ours.as_user(token).auth.get_user(token)
        await ours.as_user(token).storage.list_buckets()
        await ours.service.auth.admin.list_users(page=1, per_page=1)
        assert user
        return f"{user.user.email}"

    emails = await asyncio.gather(*(as_user(number) for number in range(5)))

    assert emails == [f"client{number}@example.com" for number in range(5)]
    by_path: dict[tuple[str, str], set[str]] = {}
    for request in sent:
        place = (request.url.path, request.headers["apikey"])
        by_path.setdefault(place, set()).add(request.headers["authorization"])
    secret_key, publishable = supabase.secret_key, supabase.publishable_key
    assert by_path["/storage/v1/bucket", secret_key] == {secret}
    assert by_path["/auth/v1/admin/users", secret_key] == {secret}
    assert len(by_path["/storage/v1/bucket", publishable]) == 5
    assert secret not in by_path["/storage/v1/bucket", publishable]


@pytest.mark.parametrize("how", ["password", "sign up", "session", "code"])
async def test_the_service_client_refuses_to_sign_in(
    ours: Supabase, sent: list[httpx.Request], supabase: LocalSupabase, how: str
) -> None:
    email = f"{uuid4().hex}@example.com"
    user = supabase.auth.create_user(email, PASSWORD)
    auth = ours.service.auth
    person: Any = {"email": email, "password": PASSWORD}

    async def sign_in() -> None:
        if how == "password":
            await auth.sign_in_with_password(person)
        elif how == "sign up":
            await auth.sign_up({"email": f"{uuid4().hex}@example.com", "password": PASSWORD})
        elif how == "session":
            session = supabase.auth.start_session(user)
            await auth.set_session(session["access_token"], session["refresh_token"])
        else:
            await auth.sign_in_with_otp({"email": email})
            code = supabase.mailbox.mails[-1].code
            await auth.verify_otp({"email": email, "token": code, "type": "email"})

    with pytest.raises(RuntimeError, match="as_user"):
        await sign_in()
    await ours.service.storage.list_buckets()
    assert sent[-1].headers["authorization"] == f"Bearer {supabase.secret_key}"


async def test_a_client_of_a_user_has_the_rights_of_the_user(
    ours: Supabase, supabase: LocalSupabase
) -> None:
    await ours.service.storage.create_bucket(f"b{uuid4().hex[:8]}")
    token = str(supabase.auth.start_session(supabase.user("c@example.com"))["access_token"])
    assert await ours.as_user(token).storage.list_buckets() == []


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_idempotent_requests_are_retried(
    ours: Supabase, traffic: Any, method: str, status: int
) -> None:
    before = traffic.calls[HEALTH]
    traffic.fail(HEALTH, status, times=ATTEMPTS - 1)
    answer = await ours.http.request(method, f"{ours.url}{HEALTH}", headers=ours.secret_headers)
    assert answer.status_code == (200 if method == "GET" else 405)
    assert traffic.calls[HEALTH] - before == ATTEMPTS


@pytest.mark.parametrize(("method", "status"), [("POST", 503), ("GET", 500), ("GET", 429)])
async def test_other_requests_are_not_retried(
    ours: Supabase, traffic: Any, method: str, status: int
) -> None:
    before = traffic.calls[HEALTH]
    traffic.fail(HEALTH, status)
    answer = await ours.http.request(method, f"{ours.url}{HEALTH}")
    assert answer.status_code == status
    assert traffic.calls[HEALTH] - before == 1


async def test_a_streamed_body_is_sent_once(ours: Supabase, traffic: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"once"

    before = traffic.calls[HEALTH]
    traffic.fail(HEALTH, 503)
    assert (await ours.http.put(f"{ours.url}{HEALTH}", content=chunks())).status_code == 503
    assert traffic.calls[HEALTH] - before == 1


async def test_the_last_response_is_returned(ours: Supabase, traffic: Any) -> None:
    before = traffic.calls[HEALTH]
    traffic.fail(HEALTH, 503, body=b'{"msg": "no"}')
    answer = await ours.http.get(f"{ours.url}{HEALTH}")
    assert (answer.status_code, answer.json()) == (503, {"msg": "no"})
    assert traffic.calls[HEALTH] - before == ATTEMPTS


async def test_connection_errors_are_retried_and_then_raised() -> None:
    tries: list[str] = []

    class Counting(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            tries.append(request.method)
            return await super().handle_async_request(request)

    url = f"http://127.0.0.1:{free_port()}/"
    async with httpx.AsyncClient(transport=IdempotentRetries(Counting())) as client:
        for method in ("GET", "POST"):
            with pytest.raises(httpx.ConnectError):
                await client.request(method, url)
    assert tries == ["GET"] * ATTEMPTS + ["POST"]


async def test_tasks_and_commands_have_their_own_clients(supabase: LocalSupabase) -> None:
    async def emails(project: Supabase) -> list[str | None]:
        return [user.email for user in await project.service.auth.admin.list_users(1, 1000)]

    supabase.user("task@example.com")
    assert "task@example.com" in await asyncio.to_thread(with_supabase, emails)


async def test_the_running_api_has_a_project(running_app: FastAPI) -> None:
    assert isinstance(running_app.state.supabase, Supabase)


@pytest.mark.slow
def test_the_api_does_not_import_supabases_client() -> None:
    code = "import app.main, sys; print({'supabase', 'storage3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
