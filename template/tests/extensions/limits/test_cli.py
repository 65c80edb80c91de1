"""`app limits`."""

import asyncio
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from app.cli import build
from app.core.cli.errors import CliError
from app.extensions.limits.service import list_refused
from tests.extensions.limits.conftest import client_of, statuses

NAMED = "/probe/inner/default"

Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Run a command in a thread, because commands start an event loop, and return its output."""

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(build(), ["limits", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


async def test_who_is_at_a_limit_is_shown_and_let_in_again(limited_app: FastAPI, run: Run) -> None:
    async with client_of(limited_app, "2001:db8::7") as client:
        assert await statuses(client, NAMED, 6) == [200] * 5 + [429]
        shown = await asyncio.to_thread(run, "show")
        assert "default" in shown
        assert "2001:db8::/64" in shown
        assert "address" in shown
        assert "1" in await asyncio.to_thread(run, "reset", "2001:db8::8")
        assert list_refused() == []
        assert await statuses(client, NAMED, 1) == [200]
        with pytest.raises(CliError, match="at no limit"):
            await asyncio.to_thread(run, "reset", "2001:db8::8")


def test_nobody_is_at_a_limit(run: Run) -> None:
    assert len(run("show").splitlines()) == 1  # the names of the columns
