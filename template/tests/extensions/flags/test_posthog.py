"""PostHog decides about flags."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.errors import CliError
from app.core.errors import ConflictError
from app.extensions.flags.checks import flags
from app.extensions.flags.providers import posthog
from app.extensions.flags.service import changes, is_on, is_on_blocking
from tests.extensions.analytics.sink import Sink, receiving
from tests.extensions.flags.conftest import OFF, ON, forget


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, _flags: None) -> Iterator[Sink]:
    with receiving() as sink:
        for name, value in {**sink.environment, "FLAGS_PROVIDER": "posthog"}.items():
            monkeypatch.setenv(name, value)
        forget()
        yield sink


async def test_posthog_is_asked_once_for_all_flags_of_a_user(app: FastAPI, sink: Sink) -> None:
    reader, user_id, group = app.state.database.reader, uuid4(), str(uuid4())
    sink.flags = {OFF.name: True, ON.name: False}
    for _ in range(2):
        assert await is_on(reader, OFF.name, user_id=user_id, groups={"team": group})
        assert not await is_on(reader, ON.name, user_id=user_id, groups={"team": group})
    (asked,) = sink.asked
    assert (asked["distinct_id"], asked["groups"]) == (str(user_id), {"team": group})
    assert await is_on(reader, OFF.name, user_id=uuid4())
    assert len(sink.asked) == 2


def test_a_task_that_is_not_async_asks_too(sink: Sink) -> None:
    sink.flags = {OFF.name: True}
    assert is_on_blocking(OFF.name, user_id=uuid4())
    assert is_on_blocking(ON.name, user_id=uuid4())  # PostHog does not know it


@pytest.mark.parametrize("status", [401, 500])
async def test_without_an_answer_the_default_is_used(
    app: FastAPI, sink: Sink, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, user_id = app.state.database.reader, uuid4()
    sink.status = status
    for user in (user_id, user_id, uuid4()):
        assert not await is_on(reader, OFF.name, user_id=user)
        assert await is_on(reader, ON.name, user_id=user)
    assert len(sink.requests) == 1  # also not for another user
    monkeypatch.setattr(posthog, "PAUSE", 0.0)
    forget()
    assert not await is_on(reader, OFF.name, user_id=user_id)
    sink.status, sink.flags = 200, {OFF.name: True}
    assert await is_on(reader, OFF.name, user_id=user_id)


@pytest.mark.parametrize(
    "body", [[], {}, {"flags": {OFF.name: {}}}], ids=["list", "no-flags", "no-value"]
)
async def test_an_answer_that_cannot_be_read_is_cached_as_a_failure(
    app: FastAPI, sink: Sink, body: object
) -> None:
    sink.body = body
    user_id = uuid4()
    for _ in range(2):
        assert await is_on(app.state.database.reader, ON.name, user_id=user_id)
    assert len(sink.requests) == 1


async def test_flags_at_posthog_are_not_changed_here(session: AsyncSession, sink: Sink) -> None:
    with pytest.raises(ConflictError, match="PostHog decides"):
        await changes.switch_off(session, OFF.name)


def test_the_check_asks_for_the_key(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYTICS_KEY")
    forget()
    with pytest.raises(CliError, match="requires ANALYTICS_KEY"):
        flags()
