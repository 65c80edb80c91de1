"""Work that must not run twice at once."""

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

# Deletes the lock of the caller, and nobody else's.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


def single_run(
    name: str, timeout: float | None = None
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a task so that of several runs at once all but the first are skipped.

    Put it between `@task()` and the function, which may be `async`. A run that is skipped logs
    `run_skipped` and counts as done, without a result. A run that is delivered again, because its
    worker died, is the same run: it gets the lock it had.

    Args:
        name: of the lock; tasks that share one exclude each other.
        timeout: seconds after which the lock of a run that never ended is let go. Default:
            CELERY_TIME_LIMIT, as no run is longer.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wait(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
                with _lock(name, timeout):
                    return await function(*args, **kwargs)

            return wait  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            with _lock(name, timeout):
                return function(*args, **kwargs)

        return run

    return decorate


@contextmanager
def _lock(name: str, timeout: float | None) -> Iterator[None]:
    """Hold a lock in Redis.

    Raises:
        SkipRunError: somebody else holds it.
    """
    settings = get_settings()
    client, lock = store(), redis_key(f"lock:{name}")
    token = context.task_id.get() or uuid4().hex
    milliseconds = int((timeout or settings.celery_time_limit) * 1000)
    holder = client.set(lock, token, nx=True, get=True, px=milliseconds)
    if holder not in (None, token):
        log.info("run_skipped", lock=name, holder=holder)
        raise SkipRunError
    try:
        yield
    finally:
        client.eval(_RELEASE, 1, lock, token)
