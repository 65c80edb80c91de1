"""A rendered project does what a person expects: installed, checked, tested, run and asked."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from harness import attempt, run
from running import DevStack

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("running")]


@pytest.mark.parametrize(
    "command",
    [
        "uv lock --check",
        "uv run --quiet ruff check .",
        "uv run --quiet ruff format --check .",
        "uv run --quiet mypy",
        "uv run --quiet lint-imports",
        "uv run --quiet pytest -q",
    ],
)
def test_project_passes_its_own_checks(installed: Path, command: str) -> None:
    run(command.split(), installed)


def test_health_names_every_part(dev: DevStack) -> None:
    assert httpx.get(f"{dev.url}/health/live").status_code == 200
    ready = httpx.get(f"{dev.url}/health/ready")
    assert ready.status_code == 200
    assert {"database", "migrations", "redis"} <= set(ready.json()["checks"])


def test_stranger_is_refused_in_the_one_error_shape(dev: DevStack) -> None:
    for path, status in (("/api/v1/items", 401), ("/api/v1/no-such-thing", 404)):
        response = httpx.get(f"{dev.url}{path}")
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert {"status", "title", "code"} <= set(response.json())


def test_signed_in_user_is_served(dev: DevStack, person: httpx.Client) -> None:
    me = person.get("/api/v1/users/me")
    assert me.status_code == 200
    assert me.json()["email"]
    made = person.post("/api/v1/items", json={"title": "Tea"})
    assert made.status_code == 201
    assert "Tea" in person.get("/api/v1/items").text
    assert dev.left()


def test_wrong_body_is_a_problem_that_names_the_field(person: httpx.Client) -> None:
    response = person.post("/api/v1/items", json={"titel": "Tea"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "titel" in response.text


def test_document_and_its_pages_are_served(dev: DevStack) -> None:
    paths = httpx.get(f"{dev.url}/openapi.json").json()["paths"]
    assert "/api/v1/users/me" in paths
    for page in ("/docs", "/scalar"):
        assert httpx.get(f"{dev.url}{page}").status_code == 200


def test_worker_and_beat_are_alive(dev: DevStack) -> None:
    """`doctor` asks every part; what it says of workers waits for the first heartbeat of beat."""
    end = time.monotonic() + 120
    while (result := attempt(["uv", "run", "-q", "app", "doctor"], dev.project)).returncode != 0:
        assert time.monotonic() < end, result.stdout + result.stderr
        time.sleep(2)


def test_migrations_fit_the_models(dev: DevStack) -> None:
    for command in ("status", "check", "current"):
        run(["uv", "run", "--quiet", "app", "db", command], dev.project)


def test_feature_is_written_changed_and_migrated(stoppable_dev: DevStack) -> None:
    project = stoppable_dev.project
    app = ["uv", "run", "--quiet", "app"]
    run([*app, "feature", "new", "orders"], project)
    run([*app, "db", "upgrade"], project)
    models = project / "app/features/orders/models.py"
    models.write_text(models.read_text("utf-8").rstrip() + "\n    price: int = 0\n", "utf-8")
    run([*app, "db", "migrate", "--feature", "orders", "-m", "Add a price"], project)
    run([*app, "db", "upgrade"], project)
    run([*app, "db", "check"], project)
    assert len(list((project / "app/features/orders/migrations").glob("*.py"))) >= 2
    run(["uv", "run", "--quiet", "ruff", "check", "app"], project)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc")
def test_sigterm_leaves_no_process(stoppable_dev: DevStack) -> None:
    assert stoppable_dev.left()
    assert stoppable_dev.stop() in (0, 143)
    until(lambda: not stoppable_dev.left())
    assert not (stoppable_dev.project / ".dev/env").exists()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)
