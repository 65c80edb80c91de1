"""How a task is declared: a typed function, whose arguments and result are JSON in Redis."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.failures import Failure
from app.core.features import owner_of
from app.core.tasks.application import celery

if TYPE_CHECKING:
    from celery.app.task import Task as CeleryTask

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 5


class TaskError(Exception):
    """The task cannot succeed, and another try would not help. Its owner can read the text."""


class SkipRunError(Exception):
    """This run has nothing to do. The task counts as done, without a result."""


def task_failure(name: str, error: Exception, task_id: str | None = None) -> Failure:
    """Describe the final failure of a task, by default of the one that runs now."""
    known = celery.tasks.get(name)
    owner = owner_of(known.run.__module__) if known else None
    return Failure("task", name, owner, error, task_id or context.task_id.get())


@dataclass(frozen=True)
class Call:
    """A task with its validated arguments, as JSON."""

    task: "Task[..., Any]"
    arguments: dict[str, Any]


class Task(Generic[P, R]):
    """A declared task. Like a task of Celery, it has `s`, which binds arguments."""

    def __init__(
        self, function: Callable[..., Any], *, name: str | None, tries: int, options: dict[str, Any]
    ) -> None:
        module = function.__module__
        owner = owner_of(module) or module.rpartition(".")[2]
        self.name = name or f"{owner}.{function.__name__}"
        self.function = function
        self.tries = tries
        self.is_async = inspect.iscoroutinefunction(function)
        self._signature = inspect.signature(function, eval_str=True)
        parameters = list(self._signature.parameters.values())
        session = parameters[0].annotation if parameters else None
        self.takes_session = session in (Session, AsyncSession)
        if self.takes_session:
            if (session is AsyncSession) is not self.is_async:
                raise TypeError(f"Task {self.name}: async tasks take AsyncSession, others Session.")
            self._signature = self._signature.replace(parameters=parameters[1:])
        # Celery's own check (`typing`) would require the session among the arguments.
        declare: Any = celery.task(name=self.name, declared=self, typing=False, **options)
        self.celery: CeleryTask[Any, Any] = declare(function)

    @cached_property
    def _arguments(self) -> type[BaseModel]:
        fields: dict[str, Any] = {
            name: (each.annotation, ... if each.default is each.empty else each.default)
            for name, each in self._signature.parameters.items()
        }
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def _result(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._signature.return_annotation)

    def s(self, *args: P.args, **kwargs: P.kwargs) -> Call:
        """Bind arguments, as values or as JSON, for `enqueue` or `send`.

        Raises:
            TypeError: they do not fit the function.
            ValidationError: a value does not fit its type.
        """
        checked = self._bind(*args, **kwargs)
        return Call(self, checked.model_dump(mode="json", exclude_unset=True))

    def values(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Validate arguments from a message, and return them as the function takes them.

        Raises:
            TaskError: they do not fit, for example because the function has changed.
        """
        try:
            return dict(self._bind(*args, **kwargs))
        except (TypeError, ValidationError) as error:
            raise TaskError(f"The arguments of {self.name} do not fit: {error}") from error

    def _bind(self, *args: Any, **kwargs: Any) -> BaseModel:
        return self._arguments.model_validate(self._signature.bind(*args, **kwargs).arguments)

    def dump(self, result: R) -> Any:
        """Return a result as JSON.

        Raises:
            TaskError: it does not have the type that the function declares.
        """
        try:
            return self._result.dump_python(self._result.validate_python(result), mode="json")
        except ValidationError as error:
            raise TaskError(f"The result of {self.name} does not fit its type: {error}") from error


class _Declare(Protocol):
    """The decorator that `task(...)` returns, for the four kinds of functions."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[AsyncSession, P], Awaitable[R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Session, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


def task(*, name: str | None = None, tries: int = TRIES, **options: Any) -> _Declare:
    """Declare a task. Its default name is `feature.function`.

    If the first parameter has the type `Session` or `AsyncSession`, each run gets a new session,
    which is committed together with the record of its success: the effect in the database is there
    exactly when the task counts as done. All other effects must be safe to repeat. An enqueued task
    fails permanently after `tries` runs. `options` are Celery's own, such as `time_limit` in
    seconds.

    Raises:
        TypeError: the kind of session does not fit the function.
    """

    def declare(function: Callable[..., Any], /) -> Task[..., Any]:
        return Task(function, name=name, tries=tries, options=options)

    return cast("_Declare", declare)
