"""Each key has a count of its own."""

import pytest
from httpx import AsyncClient

from app.extensions.api_keys import key_format, verification
from app.extensions.limits.service import list_refused
from tests.extensions.api_keys.conftest import (  # noqa: F401 - fixtures
    ME,
    MakeKey,
    Statements,
    _fresh,
    ada,
    bearer,
    make_key,
    statements,
)
from tests.extensions.limits.conftest import statuses
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
    wrong = [bearer(key_format.new_key("acme")) for _ in range(5)]
    answers = [await limited.get(ME, headers=headers) for headers in wrong]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert (await limited.get(ME, headers=wrong[0])).status_code == 429
    key = await make_key(ada)
    assert (await limited.get(ME, headers=key.headers)).status_code == 200


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
