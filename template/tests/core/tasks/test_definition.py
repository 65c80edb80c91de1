"""Declaring tasks, and how their arguments and results become JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from celery.schedules import schedule
from pydantic import ValidationError
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.features import FeatureError, load
from app.core.settings import get_settings
from app.core.tasks import TaskError, task
from app.core.tasks.application import celery, configure_celery, schedules
from app.core.tasks.schedules import SCHEDULES
from app.features.items.tasks import report
from tests.core.tasks.work import Money, double, lie, stumble, write

PRICE = Money(amount=Decimal("0.10"), due=datetime(2026, 2, 28, 12, tzinfo=UTC))


def test_arguments_and_results_keep_their_types_through_json() -> None:
    call = double.s(PRICE, times=3)
    assert call.arguments == {
        "price": {"amount": "0.10", "due": "2026-02-28T12:00:00Z"},
        "times": 3,
    }
    assert double.values(**call.arguments) == {"price": PRICE, "times": 3}
    assert double.values(**double.s(PRICE).arguments)["times"] == 2
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
def test_arguments_from_an_older_release_are_a_task_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=r"work\.write"):
        write.values(**arguments)


def test_a_result_must_have_the_declared_type() -> None:
    with pytest.raises(TaskError, match=r"work\.lie"):
        lie.dump("many")  # type: ignore[arg-type]


def test_a_task_is_named_after_its_feature() -> None:
    assert report.name == "items.report"
    assert celery.tasks["items.report"].name == "items.report"


def test_the_kind_of_session_must_fit_the_function() -> None:
    with pytest.raises(TypeError, match=r"test\.mixed"):

        @task(name="test.mixed")
        async def mixed(session: Session) -> None: ...

    with pytest.raises(TypeError, match=r"test\.mixed"):

        @task(name="test.mixed")
        def mixed_too(session: AsyncSession) -> None: ...


def test_a_time_limit_above_the_general_one_is_refused() -> None:
    @task(name="test.endless", time_limit=601)
    def endless() -> None: ...

    try:
        with pytest.raises(FeatureError, match=r"test\.endless"):
            configure_celery(get_settings())
    finally:
        celery.tasks.pop(endless.name)


BEAT = {"task": "core.heartbeat", "schedule": 60}


@pytest.mark.parametrize(
    "values",
    [
        None,
        [("task", "core.heartbeat")],
        {"task": "core.heartbeat"},
        {"schedule": 60},
        *(
            BEAT | {"schedule": when}
            for when in (
                *(None, "60", True, 0, -1, 1e-9, 1e300, float("nan"), float("inf")),
                *(timedelta(0), timedelta(seconds=-1), schedule(0)),
            )
        ),
        *(BEAT | {"args": args} for args in (None, 1, "ab", (1, 2))),
        *(BEAT | {name: value} for name in ("kwargs", "options") for value in (None, "ab", [1])),
        BEAT | {"other": 1},
        BEAT | {1: 1},
    ],
)
def test_a_wrong_schedule_is_named_with_its_feature(
    monkeypatch: pytest.MonkeyPatch, values: Any
) -> None:
    monkeypatch.setitem(SCHEDULES, "core.wrong", values)
    with pytest.raises(FeatureError, match=r"^Feature 'core': .*'core\.wrong'"):
        schedules()


@pytest.mark.parametrize("key", [None, 5, "wrong", "items.wrong"])
def test_the_name_of_a_schedule_begins_with_its_feature(
    monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.setitem(SCHEDULES, key, BEAT)
    with pytest.raises(FeatureError, match=rf"^Feature 'core': .*'{key}'"):
        schedules()


@pytest.mark.parametrize("entries", [None, [BEAT]])
def test_schedules_are_a_dictionary(monkeypatch: pytest.MonkeyPatch, entries: Any) -> None:
    monkeypatch.setattr("app.core.tasks.schedules.SCHEDULES", entries)
    load.cache_clear()
    try:
        with pytest.raises(FeatureError, match=r"^Feature 'core': SCHEDULES"):
            schedules()
    finally:
        load.cache_clear()
