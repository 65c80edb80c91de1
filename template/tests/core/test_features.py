"""The loader: what it finds, and how it reports a faulty feature."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import app.features
from app.cli import build
from app.core.cli import doctor
from app.core.features import EXTENSION_POINTS, FeatureError, features, installed, load, load_models
from app.core.tasks.application import celery, schedules
from app.main import create_app

Write = Callable[..., None]

pytestmark = pytest.mark.usefixtures("fresh_settings")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a feature next to the project's own: `write("parcels", routes="router = 1")`."""

    def write(name: str, **modules: str) -> None:
        (tmp_path / name).mkdir()
        for module, code in {"__init__": '"""Parcels on their way.\n\nMore."""', **modules}.items():
            (tmp_path / name / f"{module}.py").write_text(code)
        importlib.invalidate_caches()

    monkeypatch.setattr(app.features, "__path__", [*app.features.__path__, str(tmp_path)])
    load.cache_clear()
    yield write
    load.cache_clear()
    for path in tmp_path.iterdir():
        for module in [m for m in sys.modules if m.startswith(f"app.features.{path.name}")]:
            del sys.modules[module]


def test_a_package_is_a_feature_and_nothing_else_is(write: Write, tmp_path: Path) -> None:
    before = {feature.name for feature in installed()}
    write("parcels")
    write("_private")
    (tmp_path / "module.py").touch()
    (tmp_path / "notes").mkdir()
    found = {feature.name: feature for feature in installed()}
    assert found.keys() - before == {"parcels"}
    parcels = found["parcels"]
    assert (parcels.package, parcels.path) == ("app.features.parcels", tmp_path / "parcels")
    assert parcels.summary == "Parcels on their way."
    assert parcels.migrations == tmp_path / "parcels" / "migrations"


def test_each_module_of_a_feature_is_loaded_if_it_exists(write: Write) -> None:
    write("parcels", routes="router = 'the router'", cli="cli = 'the group'")
    loaded = {
        kind: {feature.name: thing for feature, thing in load(kind)}.get("parcels")
        for kind in EXTENSION_POINTS
    }
    assert loaded == dict.fromkeys(EXTENSION_POINTS) | {"routes": "the router", "cli": "the group"}


def test_a_module_named_after_another_feature_is_loaded_by_it(write: Write) -> None:
    write("parcels", letters="stamp = 1")
    write("letters")
    loaded = {feature.name: module for feature, module in load("letters")}
    assert loaded.keys() == {"parcels"}
    assert loaded["parcels"].stamp == 1


def test_a_feature_may_say_where_its_routes_are(write: Write) -> None:
    routes = """
from fastapi import APIRouter
router = APIRouter()
@router.get("/{parcel_id}")
def read(city: str, parcel_id: int) -> None: ...
"""
    write("letters", routes=routes)
    write("parcels", routes=routes + 'PATH = "cities/{city}/parcels"')
    paths = create_app().openapi()["paths"]
    assert "/api/v1/letters/{parcel_id}" in paths
    assert "/api/v1/cities/{city}/parcels/{parcel_id}" in paths


@pytest.mark.parametrize("kind", ["admni", "route", "letters", ""])
def test_an_unknown_kind_is_an_error_that_lists_the_known(write: Write, kind: str) -> None:
    write("parcels", letters="stamp = 1")
    with pytest.raises(FeatureError, match=rf"'{kind}'.*events.*parcels.*routes"):
        load(kind)


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in EXTENSION_POINTS.items() if n])
def test_a_module_without_its_name_is_an_error(write: Write, kind: str, name: str) -> None:
    write("parcels", **{kind: "other = 1"})
    with pytest.raises(FeatureError, match=rf"app\.features\.parcels\.{kind} .*`{name}`"):
        load(kind)


@pytest.mark.parametrize("kind", EXTENSION_POINTS)
def test_a_feature_that_fails_to_import_fails_the_start_by_name(write: Write, kind: str) -> None:
    write("parcels", **{kind: "import no_such_library"})
    # Only the doctor loads some kinds, and a command line only what it runs: here the help, of all.
    starts: dict[str, Callable[[], object]] = {
        "cli": lambda: build()(["--help"]),
        **dict.fromkeys(("checks", "personal_data", "seeds"), doctor._features),
    }
    with pytest.raises(FeatureError, match=rf"app\.features\.parcels\.{kind} .*no_such_library"):
        starts.get(kind, create_app)()


def test_a_feature_that_uses_one_which_is_gone_says_what_to_do(write: Write) -> None:
    write("parcels", routes="from app.extensions.no_such_feature.deps import Anything")
    with pytest.raises(FeatureError, match=r"'parcels'.*no_such_feature.*switch the option of"):
        load("routes")


def test_a_package_that_fails_to_import_is_named_too(write: Write) -> None:
    write("parcels", __init__="1 / 0", routes="router = 1")
    with pytest.raises(FeatureError, match=r"'parcels'.*division"):
        load("routes")


def test_models_of_features_that_are_switched_off_are_loaded(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("parcels", models="")
    monkeypatch.setenv("FEATURES", "users")
    load_models()
    assert "app.features.parcels.models" in sys.modules


def test_an_unknown_name_in_features_lists_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATURES", "users,order")
    with pytest.raises(FeatureError, match=r"order,.*users"):
        features()


TASKS = """
from datetime import date
from app.core.tasks import task

@task()
def send(weight: int, day: date, to: str = "anyone") -> None: ...
"""
DAY = "'day': date(2026, 2, 28)"


@pytest.fixture
def schedule(write: Write) -> Iterator[Callable[[str], None]]:
    """Write a feature with a task and one schedule: `schedule("'schedule': 9")`."""

    def schedule(entry: str) -> None:
        entry = f"{{'task': 'parcels.send', {entry}}}"
        code = f"from datetime import date\nSCHEDULES = {{'parcels.send': {entry}}}"
        write("parcels", tasks=TASKS, schedules=code)
        load("tasks")

    yield schedule
    celery.tasks.unregister("parcels.send")


@pytest.mark.parametrize(
    ("entry", "arguments"),
    [
        ("'args': (9, date(2026, 2, 28))", {"weight": 9}),
        ("'args': [9, '2026-02-28', 'Ada']", {"weight": 9, "to": "Ada"}),
        ("'args': (9,), 'kwargs': {" + DAY + "}", {"weight": 9}),
        ("'kwargs': {'weight': '9', " + DAY + "}", {"weight": 9}),
    ],
)
def test_the_arguments_of_a_schedule_are_sent_as_json_by_name(
    schedule: Callable[[str], None], entry: str, arguments: dict[str, object]
) -> None:
    schedule(f"'schedule': 9, 'options': {{'expires': 9}}, {entry}")
    assert schedules()["parcels.send"] == {
        "task": "parcels.send",
        "schedule": 9,
        "options": {"expires": 9},
        "args": (),
        "kwargs": {"day": "2026-02-28", **arguments},
    }
    assert "core.heartbeat" in schedules()


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("'schedule': 9", "weight"),
        ("'schedule': 9, 'args': (9,)", "day"),
        ("'schedule': 9, 'args': (9, 'soon')", "day"),
        ("'schedule': 9, 'args': (9, '2026-02-28', 'Ada', 1)", "arguments"),
        ("'schedule': 9, 'args': 9", "args"),
        (f"'schedule': 9, 'args': (9,), 'kwargs': {{'weight': 9, {DAY}}}", "weight"),
        (f"'schedule': 9, 'kwargs': {{'weight': 9, 'wait': 9, {DAY}}}", "wait"),
        (f"'schedule': 9, 'kwargs': {{'weight': 'heavy', {DAY}}}", "weight"),
        ("'schedule': 9, 'kwargs': [9]", "kwargs"),
        ("'schedule': 9, 'task': 'parcels.none'", r"parcels\.none"),
        ("'schedule': 9, 'arguments': (9,)", "'arguments'"),
        ("'args': (9, '2026-02-28')", "'schedule'"),
        ("'schedule': 'hourly', 'args': (9, '2026-02-28')", "'schedule'"),
    ],
)
def test_a_schedule_that_cannot_start_its_task_is_an_error(
    schedule: Callable[[str], None], entry: str, named: str
) -> None:
    schedule(entry)
    for start in (schedules, doctor._features):
        with pytest.raises(FeatureError, match=rf"'parcels'.*'parcels\.send'.*{named}"):
            start()


def test_a_schedule_of_another_name_is_an_error(write: Write) -> None:
    write("parcels", schedules="SCHEDULES = {'core.heartbeat': {'task': 'x', 'schedule': 9}}")
    with pytest.raises(FeatureError, match=r"'parcels'.*'core\.heartbeat'"):
        schedules()


def test_a_feature_completes_the_openapi_document(write: Write) -> None:
    write("parcels", openapi="def describe(app, document): document['x-parcels'] = app.title")
    app = create_app()
    assert app.openapi()["x-parcels"] == app.title
