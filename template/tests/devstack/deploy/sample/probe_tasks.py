"""A task that needs a while."""

import time

import redis

from app.core.settings import get_settings
from app.core.tasks import task


@task()
def work(name: str) -> None:
    """Note the name at the end."""
    time.sleep(0.2)
    with redis.Redis.from_url(get_settings().redis_address) as client:
        client.sadd("done", name)
