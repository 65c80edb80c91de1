"""Each key has a count of its own, and may have a rate of its own."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner

from app.core.database import sync_engine
from app.core.database.models import utcnow
from app.core.errors import InvalidError, NotFoundError
from app.core.settings import get_settings, load_settings
from app.extensions.api_keys import key_format, limits, verification
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.service import rotate
from app.extensions.api_keys_limits.cli import cli
from app.extensions.api_keys_limits.service import set_rate
from app.extensions.limits.service import list_refused
from app.extensions.users.models import Status, User
from tests.extensions.api_keys.conftest import (  # noqa: F401 - fixtures
    HERE,
    KEYS,
    ME,
    MakeKey,
    Statements,
    _fresh,
    ada,
    bearer,
    make_key,
    statements,
)
from tests.extensions.limits.conftest import client_of, statuses
from tests.extensions.limits.test_limits import NAMED
from tests.support.logs import rendered
from tests.support.people import Person


async def test_keys_are_counted_alone_and_not_by_the_address(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
) -> None:
    first, second = await make_key(ada), await make_key(ada)
    assert await statuses(limited, ME, 6, headers=first.headers) == [200] * 5 + [429]
    assert await statuses(limited, ME, 2, headers=second.headers) == [200] * 2
    assert await statuses(limited, ME, 2, headers=ada.headers) == [200] * 2
    (refused,) = list_refused()
    assert (refused.kind, refused.caller) == ("key", str(first.id))


async def test_wrong_keys_are_counted_by_the_address(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
) -> None:
    limits._guesses.clear()
    wrong = [bearer(key_format.new_key("acme")) for _ in range(5)]
    answers = [await limited.get(ME, headers=headers) for headers in wrong]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert (await limited.get(ME, headers=wrong[0])).status_code == 429
    key = await make_key(ada)
    assert (await limited.get(ME, headers=key.headers)).status_code == 200


async def test_an_address_that_guesses_costs_no_statement_once_it_is_refused(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    statements: Statements,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits._guesses.clear()
    used, unused = await make_key(ada), await make_key(ada)
    assert await statuses(limited, ME, 1, headers=used.headers) == [200]
    monkeypatch.setattr(limits, "GUESSES", 5)
    for expected in [401] * 5 + [429] * 3:
        async with statements() as found:
            answer = await limited.get(ME, headers=bearer(key_format.new_key("acme")))
        assert answer.status_code == expected
        assert bool(found) == (expected == 401)
    # A key that this process has read is found again, also when its cache has forgotten it.
    verification._keys.clear()
    assert await statuses(limited, ME, 1, headers=used.headers) == [200]
    # Another key waits together with the address, and no longer than the guesses are known.
    assert await statuses(limited, ME, 1, headers=unused.headers) == [429]
    limits._guesses.clear()
    assert await statuses(limited, ME, 1, headers=unused.headers) == [200]


async def test_a_key_from_a_wrong_network_is_counted_by_the_address(
    limited: AsyncClient,
    api: FastAPI,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
) -> None:
    key = await make_key(ada, networks=[HERE])
    async with client_of(api, "203.0.113.9") as finder:
        assert await statuses(finder, ME, 6, headers=key.headers) == [403] * 5 + [429]
    assert await statuses(limited, ME, 5, headers=key.headers) == [200] * 5


async def test_the_limit_costs_a_known_key_no_statement(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    statements: Statements,  # noqa: F811
) -> None:
    key = await make_key(ada)
    counts = []
    for _ in range(2):
        async with statements() as found:
            assert (await limited.get(ME, headers=key.headers)).status_code == 200
        counts.append(len(found))
    # The tier of the owner is not cached in these tests.
    first, second = counts
    assert second == first - 1


async def test_an_outage_of_the_database_is_answered_by_the_route(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = await make_key(ada)

    async def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(verification, "_read", refuse)
    answer = await limited.get(ME, headers=key.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert any("caller_unknown" in line for line in rendered(caplog))


async def test_a_key_with_a_rate_of_its_own(
    limited: AsyncClient,
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    session: AsyncSession,
) -> None:
    key = await make_key(ada)

    async def rated(rate: str | None) -> None:
        await set_rate(session, key.id, rate, address=HERE)

    assert await statuses(limited, ME, 1, headers=key.headers) == [200]
    await rated("7/hour")
    for left in range(6, -1, -1):
        answer = await limited.get(ME, headers=key.headers)
        assert answer.headers["ratelimit-policy"] == '"default";q=7;w=3600'
        assert answer.headers["ratelimit"].startswith(f'"default";r={left};t=')
    refused = await limited.get(ME, headers=key.headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert "7 requests in 3600 seconds" in refused.json()["detail"]
    assert 60 < int(refused.headers["retry-after"]) <= 7201
    # The limit of a route stays, and so does the rate of the owner.
    named = await limited.get(NAMED, headers=key.headers)
    assert named.headers["ratelimit-policy"] == '"probe.named";q=4;w=2'
    assert (await limited.get(ME, headers=ada.headers)).status_code == 200
    (listed,) = (await limited.get(KEYS, headers=ada.headers)).json()["items"]
    assert listed["attributes"] == {"rate": "7/hour"}
    renewed, text = await rotate(session, ada.id, key.id, address=HERE)
    assert renewed.attributes == {"rate": "7/hour"}
    answer = await limited.get(ME, headers=bearer(text))
    assert answer.headers["ratelimit-policy"] == '"default";q=7;w=3600'
    await rated(None)
    answer = await limited.get(ME, headers=key.headers)
    assert answer.headers["ratelimit-policy"] == '"default";q=5;w=60'


@pytest.mark.parametrize("rate", ["", "many", "0/hour", "-1/hour", "10", "10/fortnight"])
async def test_a_text_that_is_no_rate(
    ada: Person,  # noqa: F811
    make_key: MakeKey,  # noqa: F811
    session: AsyncSession,
    rate: str,
) -> None:
    key = await make_key(ada)
    with pytest.raises(InvalidError, match="write one like 1000/hour") as refused:
        await set_rate(session, key.id, rate, address=HERE)
    assert refused.value.code == "invalid_rate"
    row = await session.get_one(ApiKey, key.id)
    assert row.attributes == {}


def test_operators_set_rates(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()
    owner, text = uuid4(), key_format.new_key("acme")
    key = ApiKey(
        owner_id=owner,
        name="CI",
        start=key_format.start_of(text),
        secret_hash=key_format.hash_of(text),
        scopes=[],
        networks=[],
        expires_at=utcnow() + timedelta(days=1),
    )
    key_id = str(key.id)

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False).stdout

    engine = sync_engine(database_url, get_settings())
    with Session(engine) as database:
        database.add(User(id=owner, status=Status.APPROVED))
        database.flush()
        database.add(key)
        database.commit()
        assert "1000/hour" in run("set", key_id, "1000/hour")
        database.refresh(key)
        assert key.attributes == {"rate": "1000/hour"}
        with pytest.raises(InvalidError):
            run("set", key_id, "1000")
        assert "the default" in run("clear", key_id)
        database.refresh(key)
        assert key.attributes == {}
        with pytest.raises(NotFoundError):
            run("clear", str(uuid4()))
    engine.dispose()
    monkeypatch.undo()
    load_settings.cache_clear()
