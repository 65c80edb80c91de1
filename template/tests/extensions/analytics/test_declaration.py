"""What may be declared."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import create_model

from app.extensions.analytics.service import Event


class Plan(StrEnum):
    """A plan."""

    MONTHLY = "monthly"


def declare(kind: Any) -> type[Event]:
    return create_model("Declared", __base__=Event, __cls_kwargs__={"name": "declared"}, one=kind)


@pytest.mark.parametrize(
    "kind", [int, bool, UUID, datetime, Plan, Literal["a"], int | None, list[UUID]], ids=str
)
def test_values_without_text_of_people_are_accepted(kind: Any) -> None:
    assert declare(kind).event_name == "declared"


@pytest.mark.parametrize("kind", [str, str | None, list[str], dict[str, int], Any, object], ids=str)
def test_a_field_that_could_hold_a_name_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match=r"Declared\.one could hold the name"):
        declare(kind)


def test_a_name_is_in_snake_case() -> None:
    with pytest.raises(TypeError, match="not in snake_case"):
        create_model("Wrong", __base__=Event, __cls_kwargs__={"name": "Order Paid"})
