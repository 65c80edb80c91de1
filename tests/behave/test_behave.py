"""Each variant does what a person expects: installed, checked, tested, run, asked.

The tests of a variant run in the order of this file, on one project and one running stack, which
`test_stop.py` stops at the end. Personas run always; every row of the matrix with `-m matrix`.
"""

import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.answers import OPTIONS, option_variants
from support.checks.dependencies import dependency_faults
from support.commands import attempt, run
from support.plugins.option_costs import PROPERTY, seconds_by_folder
from support.plugins.variants import SignIn, Variant
from support.project import check_types
from support.rendering import Render
from support.stack import DevStack, eventually, feature_path

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("named")]
PROBLEM = "application/problem+json"
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
# What schemathesis would have stricter than we mean it; everything else that it knows is checked.
LENIENT = {
    "unsupported_method": "PATCH of /items/complete-all is one of /items/{item_id}, with a bad id",
    "allow_header_conformance": "and so Allow names the methods of both",
    "positive_data_acceptance": "a cursor, or one of two fields, is more than a schema can say",
    "negative_data_rejection": "Pydantic in its lax mode reads 0 as false",
    "ensure_resource_availability": "it takes the id of an organization for its slug",
}
# A persona that does not run all tests runs those that a team runs, and those of core whose result
# depends on the options.
QUICK = ("tests/features", "tests/test_smoke.py")
DIFFERING = (
    "tests/core/test_imports.py",
    "tests/core/test_features.py",
    "tests/core/cli/test_cli.py",
    "tests/core/http/test_openapi.py",
)
# Answers 503 where no language model is configured; the project's own tests ask it with a double.
NEEDS_A_MODEL = "/documents/ask$"


def test_lock_holds_every_dependency(variant: Variant) -> None:
    run(["uv", "lock", "--check"], variant.project)
    lock = tomllib.loads((variant.project / "uv.lock").read_text("utf-8"))
    assert all("version" in package for package in lock["package"])


def test_declared_dependencies_are_the_imported_ones(variant: Variant) -> None:
    assert dependency_faults(variant.project) == ""


def test_types_are_strict(variant: Variant, shared: Path) -> None:
    check_types(variant.project, shared)


def test_import_rules_hold(variant: Variant) -> None:
    run(["uv", "run", "--quiet", "lint-imports"], variant.project)


def test_its_own_tests_pass_with_warnings_as_errors(
    variant: Variant, render: Render, record_property: Callable[[str, object], None]
) -> None:
    assert "    error\n" in (variant.project / "pytest.ini").read_text("utf-8")
    minimal = render(preset="minimal")
    # In two processes: all tests of a project with everything take longer than the other personas.
    tests = ["-n", "2", "tests"]
    if not variant.runs_whole:
        tests = [*QUICK, *DIFFERING]
    report = variant.project.with_name("tests.xml")
    run(["uv", "run", "--quiet", "pytest", "-q", f"--junitxml={report}", *tests], variant.project)
    seconds = seconds_by_folder(report)
    for option in OPTIONS:
        alone = option_variants().get(f"only-{option}")
        folders = added_tests(render(**alone), minimal) if alone else []
        if cost := sum(seconds.get(folder, 0) for folder in folders):
            record_property(f"{PROPERTY}{option}", round(cost, 1))


def added_tests(project: Path, minimal: Path) -> list[str]:
    """The folders of tests that come with the options of a project."""
    extensions = "tests/extensions"
    known = {path.name for path in (minimal / extensions).iterdir()}
    found = {path.name for path in (project / extensions).iterdir() if path.is_dir()}
    return [f"{extensions}/{name}" for name in sorted(found - known - {"__pycache__"})]


def test_health_names_every_part(stack: DevStack) -> None:
    assert httpx.get(f"{stack.url}/health/live").status_code == 200
    ready = httpx.get(f"{stack.url}/health/ready")
    assert ready.status_code == 200
    assert {"database", "migrations", "redis"} <= set(ready.json()["checks"])


def test_stranger_is_refused_in_the_one_error_shape(stack: DevStack) -> None:
    for path, status in (("/api/v1/users/me", 401), ("/api/v1/no-such-thing", 404)):
        response = httpx.get(f"{stack.url}{path}")
        assert response.status_code == status
        assert response.headers["content-type"] == PROBLEM
        assert {"status", "title", "code"} <= set(response.json())


def test_signed_in_person_is_served(stack: DevStack, sign_in: SignIn) -> None:
    person = sign_in("demo@example.com")
    assert person.get("/api/v1/users/me").json()["email"] == "demo@example.com"
    items = feature_path(stack.project, person, "items")
    assert person.post(items, json={"title": "Tea"}).status_code == 201
    assert "Tea" in person.get(items).text


def test_wrong_body_is_a_problem_that_names_the_field(stack: DevStack, sign_in: SignIn) -> None:
    person = sign_in("demo@example.com")
    items = feature_path(stack.project, person, "items")
    response = person.post(items, json={"titel": "Tea"})
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert "titel" in response.text


def test_document_is_valid_and_shown(variant: Variant, stack: DevStack) -> None:
    document = httpx.get(f"{stack.url}/openapi.json").json()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    answers = yaml.safe_load((variant.project / ".copier-answers.yml").read_text("utf-8"))
    assert document["info"]["title"] == answers["project_name"]
    for page in ("/docs", "/scalar"):
        assert httpx.get(f"{stack.url}{page}").status_code == 200


def test_task_goes_through_the_worker(stack: DevStack, sign_in: SignIn) -> None:
    person = sign_in("demo@example.com")
    items = feature_path(stack.project, person, "items")
    person.post(items, json={"title": "To be done"})
    handed = person.post(f"{items}/complete-all")
    assert handed.status_code == 202
    task = f"/api/v1/tasks/{handed.json()['task_id']}"
    eventually(lambda: person.get(task).json()["state"] == "success")
    done = {item["title"]: item["done"] for item in person.get(items).json()["items"]}
    assert done["To be done"] is True


def test_any_request_is_answered_as_the_document_says(
    variant: Variant, stack: DevStack, request: pytest.FixtureRequest
) -> None:
    if "everything" not in request.node.name:
        pytest.skip("schemathesis asks the persona that has every option")
    token = variant.app("token", "--quiet", "--email", "admin@example.com").strip()
    document = Path(stack.log).with_suffix(".json")
    document.write_text(httpx.get(f"{stack.url}/openapi.json").text, "utf-8")
    result = attempt(
        [
            *(str(SCHEMATHESIS), "run", str(document), "--url", stack.url, "--no-color"),
            *("--header", f"Authorization: Bearer {token}"),
            *("--max-examples", "10", "--generation-deterministic"),
            *("--exclude-checks", ",".join(LENIENT)),
            *("--exclude-path-regex", NEEDS_A_MODEL),
        ],
        variant.project.parent,
    )
    assert result.returncode == 0, result.stdout
    assert "Tested:" in result.stdout


def test_migrations_go_down_and_up_again(variant: Variant, stack: DevStack) -> None:
    """After those that use the rows of the database, because it deletes them."""
    variant.app("db", "check")
    heads = variant.app("db", "current")
    variant.app("db", "downgrade", "--feature", "core", "base", "--yes")
    assert "_0001" not in variant.app("db", "current")
    variant.app("db", "upgrade")
    variant.app("db", "check")
    assert variant.app("db", "current") == heads
    assert httpx.get(f"{stack.url}/health/ready").status_code == 200


def test_schedule_goes_through_beat(stack: DevStack) -> None:
    """`doctor` asks every part, and of beat the heartbeat that it has a worker leave.

    Late, because the first heartbeat comes after 20 seconds.
    """

    def is_well() -> bool:
        time.sleep(1)  # each look is a process that loads the app
        return attempt(["uv", "run", "--quiet", "app", "doctor"], stack.project).returncode == 0

    eventually(is_well)
