"""Work that must not run twice at once.

redis-py's `Lock` cannot give a lock back to a run that holds it already, so this is two commands.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from app.core import context
from app.core.logging import get_logger
from app.core.redis import redis_key, store
from app.core.settings import get_settings
from app.core.tasks.definition import SkipRunError

log = get_logger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Deletes the lock only if the caller holds it.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


def single_run(
    name: str, timeout: float | None = None
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a task so that a run is skipped while another run is in progress.

    Put it between `@task()` and the function, which may be `async`. A run that is skipped logs
    `run_skipped` and counts as done, without a result. A run that is delivered again, because its
    worker died, is the same run: it gets the lock that it had.

    Args:
        name: of the lock; tasks that share one exclude each other.
        timeout: seconds after which the lock expires if its run has never ended. Default:
            CELERY_TIME_LIMIT, because no run is longer.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        if not inspect.iscoroutinefunction(function):
            return _lock(name, timeout)(function)

        @functools.wraps(function)
        async def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
            with _lock(name, timeout):
                return await function(*args, **kwargs)

        return run  # type: ignore[return-value]

    return decorate


@contextmanager
def _lock(name: str, timeout: float | None) -> Iterator[None]:
    client, lock = store(), redis_key(f"lock:{name}")
    token = context.task_id.get() or uuid4().hex
    milliseconds = int((timeout or get_settings().celery_time_limit) * 1000)
    holder = client.set(lock, token, nx=True, get=True, px=milliseconds)
    if holder not in (None, token):
        log.info("run_skipped", lock=name, holder=holder)
        raise SkipRunError
    try:
        yield
    finally:
        client.eval(_RELEASE, 1, lock, token)
