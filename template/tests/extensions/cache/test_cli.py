"""`app cache`."""

import asyncio
from uuid import uuid4

import pytest
from redis import Redis
from typer.testing import CliRunner

from app.cli import build
from app.core.cli.errors import CliError
from app.extensions.cache import store
from devstack.ports import free_port
from tests.extensions.cache.test_invalidation import note

pytestmark = pytest.mark.usefixtures("app")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(build(), ["cache", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


async def test_stats_and_clear() -> None:
    key = uuid4().hex
    for _ in range(4):
        await note(key)
    (line,) = [line for line in run("stats").splitlines() if "test_invalidation.note" in line]
    assert line.split()[1:] == ["3", "1", "75%"]
    first = await note(key)
    await asyncio.to_thread(run, "clear", "--tag", "another")
    assert await note(key) == first
    await asyncio.to_thread(run, "clear", "--tag", f"note:{key}")
    second = await note(key)
    assert second > first
    await asyncio.to_thread(run, "clear")
    assert await note(key) > second


def test_clear_fails_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "store", lambda: Redis(port=free_port()))
    monkeypatch.setattr(store.STORE_OF_PROCESS, "_pending", {})
    with pytest.raises(CliError, match="nothing was cleared"):
        run("clear")
