"""How a feature declares events, in its `analytics.py`.

    class OrderPaid(Event, name="order_paid", on="orders.paid"):
        order_id: UUID
        plan: Literal["monthly", "yearly"]

It is captured whenever the feature emits `orders.paid` (`app.core.events`), with those facts that
are fields of the class. So the feature works without this one. Without `on`, the feature captures
the event itself, by `capture`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.core.features import load

# `datetime` is a `date`, and `bool` an `int`.
SAFE = (int, float, Decimal, UUID, date, Enum, NoneType)
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# A function `groups` of an `analytics.py`: facts of an event -> kind and id of groups at PostHog.
Groups = Callable[[Mapping[str, Any]], dict[str, str]]


class Event(BaseModel):
    """An event with its properties, which can hold no text that somebody wrote.

    Raises:
        TypeError: a field has a type such as `str`; use an enum, or `Literal` with texts.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    event_name: ClassVar[str]
    emitted_as: ClassVar[str | None]

    def __init_subclass__(cls, *, name: str, on: str | None = None, **kwargs: Any) -> None:
        """Take the name at PostHog, and the event of `app.core.events` that it follows."""
        super().__init_subclass__(**kwargs)
        if not NAME.fullmatch(name):
            raise TypeError(f"{cls.__name__}: the name {name!r} is not in snake_case")
        cls.event_name, cls.emitted_as = name, on

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse fields that could hold what people wrote."""
        super().__pydantic_init_subclass__(**kwargs)
        for field, info in cls.model_fields.items():
            if not _is_safe(info.annotation):
                raise TypeError(
                    f"{cls.__name__}.{field} could hold the name or the address of a person: use "
                    "a number, an id, a date, an enum or Literal"
                )


def _is_safe(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return True
    if arguments := get_args(annotation):
        return all(map(_is_safe, arguments))
    return isinstance(annotation, type) and issubclass(annotation, SAFE)


def declared() -> Iterator[type[Event]]:
    """Yield the events of all loaded features."""
    for _, module in load("analytics"):
        for value in vars(module).values():
            own = isinstance(value, type) and issubclass(value, Event)
            if own and value.__module__ == module.__name__:
                yield value


def groups_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the groups that an event belongs to, by what the loaded features say."""
    found: dict[str, str] = {}
    for _, module in load("analytics"):
        groups: Groups | None = getattr(module, "groups", None)
        found |= groups(facts) if groups else {}
    return found
