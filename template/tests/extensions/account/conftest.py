"""Browsers of the account pages."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from app.core.database.models import SCHEMA
from app.core.settings import get_settings
from devstack.supabase import LocalSupabase
from devstack.supabase.routes import mails, providers
from tests.support.pages import Browser
from tests.support.people import Person, SignIn

NewBrowser = Callable[[], Browser]


@pytest.fixture(autouse=True)
async def no_sessions() -> None:
    """Delete sessions and counted attempts before each test."""
    async with Redis.from_url(get_settings().redis_address) as redis:
        keys = [key async for key in redis.scan_iter(f"{SCHEMA}:session*")]
        if keys:
            await redis.delete(*keys)


@pytest.fixture(autouse=True)
def local_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local Supabase leads back to local addresses only; here, to the client of the tests."""
    for module in (mails, providers):
        monkeypatch.setattr(module, "is_local", lambda url: url.startswith("http://testserver/"))


@pytest.fixture
async def new_browser(app: FastAPI, supabase: LocalSupabase) -> AsyncIterator[NewBrowser]:
    """Start a browser: `new_browser()`."""
    started: list[Browser] = []

    def start() -> Browser:
        started.append(Browser(app, supabase))
        return started[-1]

    yield start
    for browser in started:
        await browser.client.aclose()


@pytest.fixture
def browser(new_browser: NewBrowser) -> Browser:
    """A browser that is not signed in."""
    return new_browser()


@pytest.fixture
async def person(browser: Browser, sign_in: SignIn) -> Person:
    """A user, signed in with the browser."""
    person = await sign_in()
    assert (await browser.sign_in(person)).status_code == 303
    await browser.get("/account")
    return person


@pytest.fixture
def confirming(supabase: LocalSupabase) -> Iterator[LocalSupabase]:
    """The local Supabase, which confirms new addresses by mail."""
    services = supabase.app.state.services
    supabase.app.state.services = replace(services, autoconfirm=False)
    yield supabase
    supabase.app.state.services = services
    supabase.mailbox.mails = []
