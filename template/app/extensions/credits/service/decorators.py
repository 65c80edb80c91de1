"""A decorator for tasks that cost credits."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.database import sync_session
from app.core.tasks import TaskError
from app.core.tasks.loop import process_database
from app.extensions.credits.errors import DailyLimitError, InsufficientCreditsError
from app.extensions.credits.service import holders
from app.extensions.credits.service.charges import charging, charging_async

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def charged(
    operation: str, *, payer: str = "owner_id", units: int | Callable[..., int] = 1
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a task so that its successful run is paid for, once for each task id.

    Put it between `@task()` and the function, which may be `async`. If the first parameter is a
    session, the payment is committed with the work. With too few credits, the task fails and is
    not retried.

    Args:
        operation: the operation to pay for.
        payer: the parameter with the id of the user who pays; see also `holders.payer`.
        units: a number, or a function that computes it from the task's arguments, given by name.

    Raises:
        TypeError: the function has no parameter named `payer`.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)
        if payer not in signature.parameters:
            raise TypeError(f"{function.__qualname__} has no parameter {payer}, the payer.")

        def parse(*args: Any, **kwargs: Any) -> tuple[Any, UUID, dict[str, Any]]:
            """Return the session in the arguments, the user, and the arguments for `charging`."""
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = dict(bound.arguments)
            names = list(values)
            first = values[names[0]]
            session = values.pop(names[0]) if isinstance(first, Session | AsyncSession) else None
            task_id = context.task_id.get()
            return (
                session,
                values[payer],
                {
                    "operation": operation,
                    "units": units(**values) if callable(units) else units,
                    "key": f"task:{task_id}" if task_id else None,
                },
            )

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
                session, user_id, charge = parse(*args, **kwargs)
                async with AsyncExitStack() as stack:
                    session = session or await stack.enter_async_context(_own_async_session())
                    with _task_errors():
                        holder = await session.run_sync(holders.payer, user_id)
                        await stack.enter_async_context(charging_async(session, holder, **charge))
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            session, user_id, charge = parse(*args, **kwargs)
            with ExitStack() as stack:
                session = session or stack.enter_context(_own_session())
                with _task_errors():
                    holder = holders.payer(session, user_id)
                    stack.enter_context(charging(session, holder, **charge))
                return function(*args, **kwargs)

        return run

    return decorate


@contextmanager
def _task_errors() -> Iterator[None]:
    """Turn refusals into errors that the task's owner sees and that are not retried."""
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
    async with process_database().session() as session:
        yield session
        await session.commit()
