"""Remembers that PostHog does not answer.

Each try waits for seconds. Without this, the tasks of one outage could occupy every worker.
"""

import time

from app.core.redis import redis_key, store
from app.extensions.analytics.service.posthog import PostHogError

_KEY = "analytics:silent"  # the time of the last failure
PAUSE = 60.0  # seconds in which no task asks again
# The pause between two tries of a task is shorter. So while there are tasks, they find out when
# PostHog is back, and no further ones are started.
KNOWN = 900  # seconds


def check() -> None:
    """Return if a task may ask PostHog.

    Raises:
        PostHogError: another one has done so a moment ago, in vain.
    """
    last = store().get(redis_key(_KEY))
    if last and time.time() - float(last) < PAUSE:
        raise PostHogError("PostHog did not answer a moment ago")


def is_known() -> bool:
    """Return whether PostHog does not answer, as far as somebody knows."""
    return bool(store().exists(redis_key(_KEY)))


def begin() -> None:
    """PostHog did not answer."""
    store().set(redis_key(_KEY), time.time(), ex=KNOWN)


def end() -> None:
    """PostHog answered."""
    store().delete(redis_key(_KEY))
