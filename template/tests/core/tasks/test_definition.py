"""Declaring tasks, and what their arguments and results become on the way."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import FeatureError
from app.core.settings import get_settings
from app.core.tasks import TaskError, task
from app.core.tasks.application import celery, configure_celery
from app.features.items.tasks import report
from tests.core.tasks.work import Money, double, lie, stumble, write

PRICE = Money(amount=Decimal("0.10"), due=datetime(2026, 2, 28, 12, tzinfo=UTC))


def test_arguments_and_results_keep_their_types_through_json() -> None:
    call = double.s(PRICE, times=3)
    assert call.arguments == {
        "price": {"amount": "0.10", "due": "2026-02-28T12:00:00Z"},
        "times": 3,
    }
    assert double.values(call.arguments) == {"price": PRICE, "times": 3}
    assert double.values(double.s(PRICE).arguments)["times"] == 2
    assert double.dump(PRICE) == {"amount": "0.10", "due": "2026-02-28T12:00:00Z"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"key": uuid4(), "more": 1}, TypeError),
        ({"key": "not a uuid"}, ValidationError),
    ],
)
def test_arguments_that_do_not_fit_never_reach_the_queue(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        stumble.s(**arguments)


@pytest.mark.parametrize("arguments", [{}, {"note": 1, "other": 2}, {"note": [1]}])
def test_arguments_from_an_older_release_are_refused_in_words(arguments: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=r"arguments of work\.write"):
        write.values(arguments)


def test_a_result_must_be_what_was_promised() -> None:
    with pytest.raises(TaskError, match="does not fit its type"):
        lie.dump("many")  # type: ignore[arg-type]


def test_a_task_is_named_after_its_feature() -> None:
    assert report.name == "items.report"
    assert celery.tasks["items.report"].name == "items.report"


def test_a_session_is_of_the_functions_own_kind() -> None:
    with pytest.raises(TypeError, match="async tasks take AsyncSession"):

        @task(name="test.mixed")
        async def mixed(session: Session) -> None: ...

    with pytest.raises(TypeError, match="async tasks take AsyncSession"):

        @task(name="test.mixed")
        def mixed_too(session: AsyncSession) -> None: ...


def test_a_task_may_not_run_longer_than_its_message_is_held_back() -> None:
    @task(name="test.endless", time_limit=601)
    def endless() -> None: ...

    try:
        with pytest.raises(FeatureError, match=r"test\.endless may run for 601 s"):
            configure_celery(get_settings())
    finally:
        celery.tasks.pop(endless.name)
