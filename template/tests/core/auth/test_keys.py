"""The key set: fetched rarely, from one address, and kept through an outage for a limited time."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from app.core.auth import keys as signing_keys
from app.core.auth.keys import COOLDOWN, RETRY, STALE, TTL, KeySet
from app.core.errors import UnavailableError
from devstack.supabase import LocalSupabase
from devstack.supabase.keys import SigningKey
from tests.core.auth.signing import JWKS, KeyServer, key_server


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
    with key_server(supabase) as server:
        yield server


@pytest.fixture
def keys(server: KeyServer, clock: Clock, http: httpx.AsyncClient) -> KeySet:
    return KeySet(f"{server.url}{JWKS}", http)


async def test_a_set_is_fetched_again_after_its_time(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    kid = server.keys[0].kid
    first = await keys.get(kid)
    assert first is not None
    assert first.algorithm_name == "ES256"
    clock.now += TTL - 1
    assert await keys.get(kid) is first
    assert server.fetches == 1
    clock.now += 1
    assert await keys.get(kid) is not None
    assert server.fetches == 2


async def test_concurrent_first_requests_share_one_fetch(keys: KeySet, server: KeyServer) -> None:
    server.slow_down(0.05)
    found = await asyncio.gather(*(keys.get(server.keys[0].kid) for _ in range(50)))
    assert all(found)
    assert server.fetches == 1


async def test_a_new_key_is_found_after_the_cooldown(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    old, new = server.keys[0], SigningKey.create()
    await keys.get(old.kid)
    server.keys.append(new)
    clock.now += COOLDOWN
    assert await keys.get(new.kid) is not None
    assert await keys.get(old.kid) is not None
    assert server.fetches == 2


async def test_a_revoked_key_is_gone_with_the_next_fetch(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    old, new = server.keys[0], SigningKey.create()
    await keys.get(old.kid)
    server.keys[:] = [new]
    clock.now += TTL
    assert await keys.get(new.kid) is not None
    assert await keys.get(old.kid) is None


async def test_purging_forgets_a_revoked_key_at_once(keys: KeySet, server: KeyServer) -> None:
    old = server.keys[0]
    await keys.get(old.kid)
    server.keys[:] = [SigningKey.create()]
    keys.purge()
    assert await keys.get(old.kid) is None
    assert server.fetches == 2


async def test_a_storm_of_unknown_keys_is_one_fetch_in_the_cooldown(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    await keys.get(server.keys[0].kid)
    clock.now += COOLDOWN

    async def storm() -> None:
        found = await asyncio.gather(*(keys.get(f"unknown-{n}") for n in range(200)))
        assert set(found) == {None}

    await storm()
    assert server.fetches == 2
    clock.now += COOLDOWN - 1
    await storm()
    assert server.fetches == 2
    clock.now += 1
    await storm()
    assert server.fetches == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, None),
        (302, None),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": {}}'),
        (200, b"\xff"),
    ],
)
async def test_the_old_set_serves_for_an_hour_of_outage(
    keys: KeySet, server: KeyServer, clock: Clock, status: int, body: bytes | None
) -> None:
    kid = server.keys[0].kid
    await keys.get(kid)
    server.answer(status, body)
    clock.now += TTL
    assert await keys.get(kid) is not None
    assert server.fetches == 2
    # During the outage, not every request causes a fetch.
    assert await keys.get(kid) is not None
    assert server.fetches == 2
    clock.now += STALE
    assert await keys.get(kid) is not None
    clock.now += 1
    with pytest.raises(UnavailableError):
        await keys.get(kid)
    server.answer()
    clock.now += COOLDOWN
    assert await keys.get(kid) is not None


async def test_an_outage_without_any_key_is_not_an_invalid_token(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    server.answer(503)
    kid = server.keys[0].kid
    tries = await asyncio.gather(*(keys.get(kid) for _ in range(50)), return_exceptions=True)
    assert {type(error) for error in tries} == {UnavailableError}
    assert server.fetches == 1
    server.answer()
    clock.now += RETRY
    assert await keys.get(kid) is not None


async def test_a_slow_endpoint_times_out(
    keys: KeySet, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "TIMEOUT", 0.05)
    server.slow_down(0.3)
    with pytest.raises(UnavailableError):
        await keys.get(server.keys[0].kid)


async def test_an_empty_set_is_not_an_invalid_token(
    keys: KeySet, server: KeyServer, clock: Clock
) -> None:
    """Projects that sign with the legacy secret publish no key."""
    key = server.keys.pop()
    with pytest.raises(UnavailableError):
        await keys.get(key.kid)
    server.keys.append(key)
    clock.now += COOLDOWN
    assert await keys.get(key.kid) is not None


async def test_unreadable_entries_of_a_set_are_ignored(keys: KeySet, server: KeyServer) -> None:
    good = server.keys[0].jwk()
    without_id = {name: value for name, value in good.items() if name != "kid"}
    entries = [
        {},
        {"kty": "lattice", "kid": "a"},
        {**good, "kid": "b", "x": "?"},
        without_id,
        7,
        good,
    ]
    server.answer(body=json.dumps({"keys": entries}).encode())
    assert await keys.get(good["kid"]) is not None
    for kid in ("a", "b"):
        assert await keys.get(kid) is None
