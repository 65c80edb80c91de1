"""The life of signing keys, over HTTP, with the calls counted."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.auth import keys as signing_keys
from app.core.auth.keys import COOLDOWN, RETRY, STALE, TTL
from app.core.auth.tokens import TokenVerifier
from app.core.settings import get_settings
from devstack.supabase import LocalSupabase
from devstack.supabase.keys import SigningKey
from tests.core.auth.signing import JWKS, KeyServer, key_server

ME = "/api/v1/users/me"


class Clock:
    """Replaces the module `time`; a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(signing_keys, "time", clock)
    return clock


@pytest.fixture
def server(supabase: LocalSupabase) -> Iterator[KeyServer]:
    """A key server with a new key; the keys of other tests are restored at the end."""
    with key_server(supabase) as server:
        server.keys[:] = [SigningKey.create()]
        yield server


@pytest.fixture
async def management(server: KeyServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client that rotates keys and injects failures."""
    headers = {"apikey": server.supabase.secret_key}
    async with httpx.AsyncClient(base_url=f"{server.url}/local/", headers=headers) as client:
        yield client


@pytest.fixture(autouse=True)
def fresh_verifier(
    app: FastAPI, server: KeyServer, clock: Clock, http: httpx.AsyncClient
) -> Iterator[TokenVerifier]:
    usual = app.state.verifier
    app.state.verifier = TokenVerifier(get_settings(), http)
    yield app.state.verifier
    app.state.verifier = usual


async def status(client: httpx.AsyncClient, token: str) -> int:
    """Return the status of a request with a token."""
    answer = await client.get(ME, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def move(management: httpx.AsyncClient, kid: str, to: str) -> Any:
    return (await management.patch(f"signing-keys/{kid}", json={"status": to})).json()


async def test_a_rotation_from_standby_to_revoked_keeps_tokens_valid(
    client: httpx.AsyncClient, management: httpx.AsyncClient, server: KeyServer, clock: Clock
) -> None:
    old = server.keys[0]
    before = old.sign(server.claims())
    assert await status(client, before) == 200

    made = (await management.post("signing-keys")).json()
    assert made["status"] == "standby"
    new = server.keys[-1]
    # It is published before it signs, so no request has to wait for it.
    clock.now += TTL
    assert await status(client, before) == 200
    fetches = server.fetches

    await move(management, new.kid, "in_use")
    after = new.sign(server.claims())
    assert [await status(client, token) for token in (before, after)] == [200, 200]
    assert server.fetches == fetches
    listed = {
        key["id"]: key["status"] for key in (await management.get("signing-keys")).json()["keys"]
    }
    assert listed == {old.kid: "previously_used", new.kid: "in_use"}

    await move(management, old.kid, "revoked")
    # Old tokens stay valid until the set's time ends, at most ten minutes.
    assert await status(client, before) == 200
    clock.now += TTL
    assert [await status(client, token) for token in (before, after)] == [401, 200]


async def test_purging_ends_a_revoked_key_at_once(
    client: httpx.AsyncClient,
    management: httpx.AsyncClient,
    server: KeyServer,
    fresh_verifier: TokenVerifier,
) -> None:
    old = server.keys[0]
    token = old.sign(server.claims())
    assert await status(client, token) == 200
    made = (await management.post("signing-keys")).json()
    await move(management, made["id"], "in_use")
    await move(management, old.kid, "revoked")
    fresh_verifier.purge()
    assert await status(client, token) == 401


async def test_a_key_that_signs_without_a_standby_time_is_found_within_the_cooldown(
    client: httpx.AsyncClient, management: httpx.AsyncClient, server: KeyServer, clock: Clock
) -> None:
    assert await status(client, server.token()) == 200
    made = (await management.post("signing-keys", json={"algorithm": "RS256"})).json()
    await move(management, made["id"], "in_use")
    token = server.keys[-1].sign(server.claims())
    assert await status(client, token) == 401
    clock.now += COOLDOWN
    assert await status(client, token) == 200


async def test_every_step_can_be_undone_and_one_key_always_signs(
    management: httpx.AsyncClient, server: KeyServer
) -> None:
    old = server.keys[0].kid
    assert (await move(management, old, "revoked"))["error_code"] == "conflict"
    new = (await management.post("signing-keys")).json()["id"]
    assert (await management.post("signing-keys")).status_code == 422
    await move(management, new, "in_use")
    await move(management, old, "revoked")
    assert (await move(management, old, "in_use"))["error_code"] == "conflict"
    await move(management, old, "standby")
    assert (await move(management, old, "in_use"))["status"] == "in_use"
    assert (await move(management, "nothing", "in_use"))["error_code"] == "not_found"
    assert (await move(management, new, "lost"))["error_code"] == "validation_failed"


async def test_a_storm_of_a_thousand_unknown_keys_is_one_fetch_in_the_cooldown(
    client: httpx.AsyncClient, server: KeyServer, clock: Clock
) -> None:
    good = server.token()
    assert await status(client, good) == 200
    clock.now += COOLDOWN
    stranger = SigningKey.create()
    tokens = []
    for number in range(1000):
        stranger.kid = f"unknown-{number}"
        tokens.append(stranger.sign(server.claims()))
    fetches = server.fetches

    statuses = await asyncio.gather(*(status(client, token) for token in tokens))

    assert set(statuses) == {401}
    assert server.fetches - fetches <= 1
    assert await status(client, good) == 200


async def test_an_outage_does_not_matter_while_the_keys_are_kept(
    client: httpx.AsyncClient, management: httpx.AsyncClient, server: KeyServer, clock: Clock
) -> None:
    assert await status(client, server.token()) == 200
    await management.post("failures", json={"path": JWKS, "status": 503})
    clock.now += TTL + STALE
    # A new token, which is not cached, with an old key.
    assert await status(client, server.token()) == 200
    clock.now += 1
    assert await status(client, server.token()) == 503
    await management.delete("failures")
    clock.now += COOLDOWN
    assert await status(client, server.token()) == 200


async def test_an_outage_at_the_start_is_503_and_not_401(
    client: httpx.AsyncClient, management: httpx.AsyncClient, server: KeyServer, clock: Clock
) -> None:
    await management.post("failures", json={"path": JWKS, "status": 500, "times": 1})
    answer = await client.get(ME, headers={"Authorization": f"Bearer {server.token()}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")
    assert "retry-after" in answer.headers
    clock.now += RETRY
    assert await status(client, server.token()) == 200
    calls = (await management.get("calls")).json()
    assert calls[JWKS] >= 2


async def test_a_project_without_signing_keys_is_logged_at_the_start(
    server: KeyServer, fresh_verifier: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer(body=b'{"keys": []}')
    await fresh_verifier.warm_up()
    assert "SUPABASE_JWT_SECRET" in caplog.text
    assert "jwks_empty" in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "signing-keys"),
        ("POST", "signing-keys"),
        ("PATCH", "signing-keys/x"),
        ("GET", "calls"),
        ("POST", "failures"),
        ("DELETE", "failures"),
    ],
)
async def test_rotation_requires_the_secret_key(
    management: httpx.AsyncClient, server: KeyServer, method: str, path: str
) -> None:
    for key in ("", server.supabase.publishable_key):
        answer = await management.request(method, path, headers={"apikey": key})
        assert answer.status_code in (401, 403)
