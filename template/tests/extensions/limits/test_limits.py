"""Limits of routes: what is counted, what is refused, and what the responses say."""

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.extensions.limits import callers
from app.extensions.limits.callers import FromFeature
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.limits.conftest import client_of, statuses
from tests.support.people import Person, SignIn

INNER = "/probe/inner"
NAMED = f"{INNER}/named"
DEFAULT = f"{INNER}/default"


async def test_every_answer_says_what_is_left(limited: AsyncClient) -> None:
    for left in (3, 2, 1, 0):
        answer = await limited.get(NAMED)
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"probe.named";q=4;w=2'
        assert re.fullmatch(rf'"probe\.named";r={left};t=[12]', answer.headers["ratelimit"])
    refused = await limited.get(NAMED)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many_requests"
    assert refused.json()["limit"] == "probe.named"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert refused.headers["x-content-type-options"] == "nosniff"
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 3
    assert refused.headers["ratelimit"] == f'"probe.named";r=0;t={seconds}'
    # Also the answers of a route that fails have them.
    unauthenticated = await limited.get("/api/v1/users/me")
    assert unauthenticated.status_code == 401
    assert unauthenticated.headers["ratelimit-policy"] == '"default";q=5;w=60'


async def test_who_keeps_trying_gets_in_again_as_early_as_who_waits(api: FastAPI) -> None:
    async with client_of(api) as patient, client_of(api, "203.0.113.8") as hammering:
        for client in (patient, hammering):
            assert await statuses(client, NAMED, 4) == [200] * 4
        refused = await patient.get(NAMED)
        deadline = time.monotonic() + int(refused.headers["retry-after"])
        while time.monotonic() < deadline:
            await hammering.get(NAMED)
            await asyncio.sleep(0.01)
        # The one who kept trying may have got in a moment before.
        assert (await patient.get(NAMED)).status_code == 200
        allowed = (await hammering.get(NAMED)).headers["ratelimit"]
        assert re.match('"probe.named";r=[0-3]', allowed)
        assert await eventually_admitted(hammering) < 2


async def eventually_admitted(client: AsyncClient) -> float:
    """Return the seconds until a request is admitted."""
    started = time.monotonic()
    while (await client.get(NAMED)).status_code == 429:
        await asyncio.sleep(0.01)
    return time.monotonic() - started


async def test_routes_with_one_name_share_a_count_and_others_do_not(limited: AsyncClient) -> None:
    assert await statuses(limited, NAMED, 2) == [200] * 2
    assert await statuses(limited, f"{NAMED}/a", 3) == [200, 200, 429]
    assert await statuses(limited, DEFAULT, 3) == [200] * 3
    # A path that does not exist has the default limit, so nobody can search for free.
    assert await statuses(limited, "/nowhere", 3) == [404, 404, 429]


async def test_a_request_can_cost_more_than_one(limited: AsyncClient) -> None:
    assert await statuses(limited, f"{INNER}/costly", 3) == [200, 200, 429]


@pytest.mark.parametrize("path", ["/health/live", "/docs", "/openapi.json", "/docs/assets/x"])
async def test_exempt_paths_have_no_limit(limited: AsyncClient, path: str) -> None:
    answers = [await limited.get(path) for _ in range(7)]
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert not any("ratelimit" in answer.headers for answer in answers)


async def test_only_whole_parts_of_a_path_are_exempt(limited: AsyncClient) -> None:
    assert "ratelimit" in (await limited.get("/healthy")).headers


async def test_a_refused_request_is_not_read_and_asks_no_database(
    api: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(api) as client:
        body = {"json": {"a": 1}}
        assert (await client.post(f"{INNER}/body", **body)).status_code == 200  # type: ignore[arg-type]
    monkeypatch.setattr(api.state, "database", Mock(side_effect=AssertionError, spec=[]))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{INNER}/body",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-length", b"99999")],
        "client": ("203.0.113.7", 1),
    }
    await api(scope, receive, send)
    assert sent[0]["status"] == 429
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_user_counts_by_the_token_and_not_by_the_address(
    api: FastAPI, sign_in: SignIn
) -> None:
    ada, bob = await sign_in(), await sign_in()
    async with client_of(api) as here, client_of(api, "198.51.100.1") as there:
        assert await statuses(here, DEFAULT, 5, headers=ada.headers) == [200] * 5
        assert (await there.get(DEFAULT, headers=ada.headers)).status_code == 429
        assert (await here.get(DEFAULT, headers=bob.headers)).status_code == 200
        assert (await here.get(DEFAULT)).status_code == 200


async def test_strangers_count_by_address_whatever_token_they_send(
    api: FastAPI, supabase: LocalSupabase
) -> None:
    def token(number: int) -> str:
        if number % 2:
            return f"Bearer eyJhbGciOiJFUzI1NiJ9.{number}.x"
        email = f"anonymous-{number}@example.com"
        return f"Bearer {supabase.issue_token(email, claims={'is_anonymous': True})}"

    async with client_of(api) as client:
        found = [
            (await client.get(DEFAULT, headers={"Authorization": token(number)})).status_code
            for number in range(6)
        ]
        assert found == [200] * 5 + [429]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.1", "203.0.113.1", True),
        ("::ffff:203.0.113.1", "::ffff:203.0.113.2", False),
        ("::1", "::2", True),
    ],
)
async def test_addresses_of_ipv6_count_by_network(
    api: FastAPI, first: str, second: str, shared: bool
) -> None:
    async with client_of(api, first) as one, client_of(api, second) as other:
        assert await statuses(one, DEFAULT, 5) == [200] * 5
        assert (await other.get(DEFAULT)).status_code == (429 if shared else 200)


async def test_the_role_multiplies_the_rate(limited: AsyncClient, sign_in: SignIn) -> None:
    admin = await sign_in(role=Role.ADMIN)
    answer = await limited.get(DEFAULT, headers=admin.headers)
    assert answer.headers["ratelimit-policy"] == '"default";q=10;w=60'
    stranger = await limited.get(DEFAULT)
    assert stranger.headers["ratelimit-policy"] == '"default";q=5;w=60'


async def test_concurrent_requests_do_not_exceed_the_limit(limited: AsyncClient) -> None:
    answers = await asyncio.gather(*(limited.get(DEFAULT) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 45


async def test_a_stream_is_refused_before_it_starts(limited: AsyncClient) -> None:
    first = await limited.get(f"{INNER}/stream")
    assert "second" in first.text
    refused = await limited.get(f"{INNER}/stream")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")


async def test_a_feature_says_who_sends_a_token_that_it_issued(
    api: FastAPI, limited: AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, machines = await sign_in(role=Role.ADMIN), {"one": uuid4(), "two": uuid4()}

    async def caller_of(_: object, token: str) -> FromFeature | None:
        return ("machine", machines[token], admin.id, None) if token in machines else None

    monkeypatch.setattr(callers, "load", lambda _: ())  # the tier is the role
    monkeypatch.setattr(api.state.limiter.callers, "_callers_of", [caller_of])
    monkeypatch.setitem(api.state.limiter.callers.tiers, "machine", 0.5)
    for token in machines:
        # The tier of the admin doubles the rate, and the kind halves it.
        headers = {"Authorization": f"Bearer {token}"}
        assert await statuses(limited, DEFAULT, 6, headers=headers) == [200] * 5 + [429]
    other = await limited.get(DEFAULT, headers={"Authorization": "Bearer three"})
    assert other.headers["ratelimit"].startswith('"default";r=4;')


async def test_users_of_a_group_share_a_count_besides_their_own(
    api: FastAPI, limited: AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, team = [await sign_in() for _ in range(3)], uuid4()
    asked = []

    async def group_of(_: object, user_id: UUID, name: str) -> tuple[str, UUID] | None:
        asked.append(name)
        return ("team", team) if user_id != people[2].id else None

    feature = SimpleNamespace(
        __name__="teams",
        group_named=lambda connection: connection.headers.get("x-team"),
        group_of=group_of,
    )
    monkeypatch.setattr(api.state.limiter.callers, "_grouping", [feature])
    monkeypatch.setitem(api.state.limiter.callers.tiers, "team", 1.4)

    async def send(person: Person, times: int, **headers: str) -> list[str | None]:
        """The limit that refuses each of the requests."""
        answers = [
            await limited.get(DEFAULT, headers=person.headers | headers) for _ in range(times)
        ]
        return [answer.json()["limit"] if answer.status_code == 429 else None for answer in answers]

    first, second, other = people
    assert await send(first, 6, **{"x-team": "a"}) == [None] * 5 + ["default"]
    assert await send(second, 4, **{"x-team": "a"}) == [None] * 2 + ["default.team"] * 2
    # What was refused for the team does not count for the user.
    assert await send(second, 4) == [None] * 3 + ["default"]
    assert await send(other, 6, **{"x-team": "a"}) == [None] * 5 + ["default"]
    assert set(asked) == {"a"}


async def test_an_unknown_group_is_not_counted_while_the_database_is_down(
    api: FastAPI, limited: AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()

    async def group_of(*_: object) -> None:
        raise ConnectionRefusedError

    feature = SimpleNamespace(__name__="teams", group_named=lambda _: "a", group_of=group_of)
    monkeypatch.setattr(api.state.limiter.callers, "_grouping", [feature])
    answer = await limited.get(DEFAULT, headers=person.headers)
    assert answer.headers["ratelimit-policy"] == '"default";q=5;w=60'
