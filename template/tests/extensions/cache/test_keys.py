"""Different arguments have different entries, and equal ones share one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretBytes, SecretStr

from app.extensions.cache.service import cached
from app.extensions.cache.values import text_of
from app.extensions.users.models import User

SAMPLE = UUID(int=1)
ADA = User(id=SAMPLE, email="ada@example.com")


class Colour(Enum):
    RED = "red"


class Plain(BaseModel):
    number: float | None = None


class Derived(Plain):
    more: int = 1


class Hiding(BaseModel):
    model_config = ConfigDict(extra="allow")

    hidden: int = Field(default=1, exclude=True)
    key: SecretStr = SecretStr("a")
    _private: int = PrivateAttr(default=1)


class Pair(NamedTuple):
    a: int
    b: str


@dataclass
class Point:
    x: int


def private(value: int) -> Hiding:
    hiding = Hiding()
    hiding._private = value
    return hiding


DIFFERENT: list[Any] = [
    *(None, True, 1, 1.0, "1", b"1", inf, -inf, nan, Decimal(1), "inf"),
    *(SAMPLE, str(SAMPLE), date(2026, 1, 2), "2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
    *(Colour.RED, "red", Path("red"), SecretStr("red"), SecretStr("blue"), SecretBytes(b"red")),
    *([], (), {}, set(), [1], (1,), {1}, {1: 1}, ["1", "2"], ["1,2"], ["1','2"], [["1"], "2"]),
    *(Plain(), Plain(number=inf), Plain(number=-inf), Derived(), Derived(more=2), [Derived()]),
    *(Hiding(), Hiding(hidden=2), Hiding(key=SecretStr("b")), private(2)),
    *(
        Hiding.model_validate({"extra": 1}),
        Hiding.model_validate({"extra": 2}),
        Pair(1, "a"),
        Pair(1, "b"),
        Point(1),
        Point(2),
    ),
    *(ADA, User(id=SAMPLE, email="bob@example.com")),
]


def test_different_values_have_different_texts() -> None:
    texts = [text_of(value) for value in DIFFERENT]
    assert len(set(texts)) == len(texts), sorted(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Hiding(hidden=2), Hiding(hidden=2)),
        (Plain(), Plain(number=None)),
        ({"b", "a", "c"}, {"c", "b", "a"}),
        (Point(1), Point(1)),
        (ADA, User(**ADA.model_dump())),
    ],
)
def test_equal_values_have_the_same_text(one: Any, other: Any) -> None:
    assert text_of(one) == text_of(other)


@pytest.mark.parametrize("value", [object(), lambda: None, [object()]])
def test_a_value_that_only_has_an_address_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="part of a key"):
        text_of(value)


@pytest.mark.usefixtures("app")
async def test_secrets_and_infinity_do_not_share_an_entry() -> None:
    @cached(expires=60)
    async def found(key: SecretStr, number: float | None) -> str:
        return f"{key.get_secret_value()} {number}"

    for _ in range(2):
        for key in ("a", "b"):
            for number in (None, inf, -inf, nan):
                assert await found(SecretStr(key), number) == f"{key} {number}"
