"""Browsers of the admin site, with and without an admin who is signed in."""

import pytest
from httpx import AsyncClient
from redis.asyncio import Redis

from app.core.database.models import SCHEMA
from app.core.settings import get_settings
from app.extensions.users.models import Role
from devstack.supabase import LocalSupabase
from tests.extensions.admin.browser import Browser
from tests.support.people import Person, SignIn


@pytest.fixture(autouse=True)
async def no_sessions() -> None:
    """Delete sessions and counted attempts before each test."""
    async with Redis.from_url(get_settings().redis_address) as redis:
        keys = [
            key
            for pattern in ("admin:*", "session*")
            async for key in redis.scan_iter(f"{SCHEMA}:{pattern}")
        ]
        if keys:
            await redis.delete(*keys)


@pytest.fixture
def browser(client: AsyncClient, supabase: LocalSupabase) -> Browser:
    """A browser that is not signed in."""
    return Browser(client, supabase)


@pytest.fixture
async def admin(browser: Browser, sign_in: SignIn) -> Person:
    """An admin, signed in with the browser."""
    person = await sign_in(role=Role.ADMIN)
    assert (await browser.sign_in(person)).status_code == 303
    await browser.get("/user/list")
    return person
