"""The limit of a route, for use by other features."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import Depends

from app.core.errors import InvalidError
from app.extensions.limits.settings import parse_rate

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


class Rate(NamedTuple):
    """How many requests are allowed in how many seconds."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read a rate, such as `1000/hour`.

        Raises:
            InvalidError: `invalid_rate`, it has another form.
        """
        try:
            item = parse_rate(text)
        except ValueError as error:
            raise InvalidError(
                f"{text!r} is no rate: write one like 1000/hour or 5 per 10 seconds.",
                code="invalid_rate",
            ) from error
        return cls(item.amount, item.get_expiry())


@dataclass(frozen=True)
class Limit:
    """How often a caller may use the routes that name this limit.

    Args:
        name: routes with the same name share one count.
        rate: such as `30/minute`; LIMITS_RATES replaces it. Default: LIMITS_DEFAULT.
        cost: requests that one request counts as.
        closed: while Redis does not answer, refuse requests with 503 `limits_unavailable`. By
            default, each process then counts by itself.
    """

    name: str
    rate: str | None = None
    cost: int = 1
    closed: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a name like reports.render")
        if self.cost < 1:
            raise ValueError("a request costs at least 1")

    async def __call__(self) -> None:
        """Do nothing: the middleware has counted the request before its body was read."""


def limit(name: str, rate: str | None = None, *, cost: int = 1, closed: bool = False) -> Any:
    """Give a route a limit of its own, by one of its parameters; see `Limit`.

    _: Annotated[None, limit("reports.render", "30/minute")]
    """
    return Depends(Limit(name, rate, cost, closed))
