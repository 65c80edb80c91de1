"""Tasks that are paid for: a decorator."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, ParamSpec, TypeVar

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.database import sync_session
from app.core.tasks import TaskError
from app.extensions.credits.errors import DailyLimitError, InsufficientCreditsError
from app.extensions.credits.service.charges import charging, charging_async

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def charged(
    operation: str, *, payer: str = "owner_id", units: int | Callable[..., int] = 1
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a task so that each of its runs that ends well is paid for, once for a task's id.

    Put it between `@task()` and the function, which may be `async`. With a session as first
    parameter, the payment is committed with the work. Too few credits end the task at once.

    Args:
        operation: what to pay for.
        payer: the parameter that holds the id of who pays.
        units: how many, or a function of the task's arguments, by name, that counts them.

    Raises:
        TypeError: the function has no parameter of that name.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)
        if payer not in signature.parameters:
            raise TypeError(f"{function.__qualname__} has no parameter {payer}, who would pay.")

        def bill(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = dict(bound.arguments)
            names = list(values)
            first = values[names[0]]
            session = values.pop(names[0]) if isinstance(first, Session | AsyncSession) else None
            task_id = context.task_id.get()
            return session, {
                "user_id": values[payer],
                "operation": operation,
                "units": units(**values) if callable(units) else units,
                "key": f"task:{task_id}" if task_id else None,
            }

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wait(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
                session, bought = bill(*args, **kwargs)
                async with AsyncExitStack() as stack:
                    paying = session or await stack.enter_async_context(_own_async_session())
                    with _told():
                        await stack.enter_async_context(charging_async(paying, **bought))
                    return await function(*args, **kwargs)

            return wait  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            session, bought = bill(*args, **kwargs)
            with ExitStack() as stack:
                paying = session or stack.enter_context(_own_session())
                with _told():
                    stack.enter_context(charging(paying, **bought))
                return function(*args, **kwargs)

        return run

    return decorate


@contextmanager
def _told() -> Iterator[None]:
    """Tell the owner of a task why it cannot be had; another run would not help."""
    try:
        yield
    except (InsufficientCreditsError, DailyLimitError) as error:
        raise TaskError(error.detail) from error


@contextmanager
def _own_session() -> Iterator[Session]:
    with sync_session() as session:
        yield session
        session.commit()


@asynccontextmanager
async def _own_async_session() -> AsyncIterator[AsyncSession]:
    # Only a worker needs what runs tasks.
    from app.core.tasks.loop import process_database

    async with process_database().session() as session:
        yield session
        await session.commit()
