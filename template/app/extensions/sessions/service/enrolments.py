"""An authenticator app that is being added: its secret is shown until its first code is entered.

It is kept in Redis, encrypted with the cookie of the browser.
"""

import json
from dataclasses import asdict

from redis.asyncio import Redis

from app.core.redis import redis_key
from app.extensions.sessions.service.browser import Browser
from app.extensions.sessions.service.factors import Enrolment
from app.extensions.sessions.service.store import open_sealed, seal

SECONDS = 900


async def keep(redis: Redis, browser: Browser, enrolment: Enrolment) -> None:
    """Keep it for some minutes; the one before is forgotten."""
    text = json.dumps(asdict(enrolment))
    await redis.set(_name(browser), seal(browser, text), ex=SECONDS)


async def get(redis: Redis, browser: Browser) -> Enrolment | None:
    """Return the one of this browser."""
    sealed = await redis.get(_name(browser))
    return Enrolment(**json.loads(open_sealed(browser, sealed))) if sealed else None


async def drop(redis: Redis, browser: Browser) -> None:
    """Forget it."""
    await redis.delete(_name(browser))


def _name(browser: Browser) -> str:
    return redis_key(f"session:enrolment:{browser.key}")
