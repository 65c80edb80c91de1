"""Options that updates switch on and off: the files follow, and the database keeps its rows.

Each option by itself without a database; all together with a database; each by itself with a
database at night.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support.answers import OPTIONS, option_variants
from support.commands import attempt, run
from support.plugins.option_costs import PROPERTY
from support.project import install
from support.rendering import render, tree
from support.snapshot import TAG, commit
from support.stack import (
    SAMPLE_ITEMS,
    DevStack,
    create_entry,
    demo_client,
    dev_stack,
    eventually,
    first_admin,
    table_rows,
)
from support.updates import conflicts, template_files, update

APP = ("uv", "run", "--quiet", "app")
ALONE = [name.removeprefix("only-") for name in option_variants() if name.startswith("only-")]


def switch(project: Path, **options: object) -> dict[str, bytes]:
    """Update with other answers, commit, and return the files afterwards."""
    commit(project, "The lock file that uv has written")
    update(project, TAG, **options)
    assert conflicts(project) == []
    commit(project, f"Switch {options}")
    return rendered_files(project)


def rendered_files(project: Path) -> dict[str, bytes]:
    """The files in Git, without uv.lock."""
    names = run(["git", "ls-files", "-z"], project).strip("\0").split("\0")
    return {name: (project / name).read_bytes() for name in names if name != "uv.lock"}


def of_team(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files in the folders of the team."""
    return {
        name: content
        for name, content in files.items()
        if name.startswith(("app/features/", "tests/features/"))
    }


def test_files_follow_each_option(
    template: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = render(template, tmp_path / "shop", {"preset": "minimal"})
    run(["git", "init", "--quiet"], project)
    commit(project, "Start")
    off = rendered_files(project)
    before: dict[str, object] = {}
    for option in ALONE:  # each update switches one on, and the one before it off
        start = time.monotonic()
        on = switch(project, **before, **{option: True})
        answers = option_variants()[f"only-{option}"]
        fresh = render(template, tmp_path / option / "shop", answers)
        assert template_files(on) == template_files(tree(fresh)), option
        assert of_team(on) == of_team(off), option
        before = {option: False}
        record_property(f"{PROPERTY}{option}", round(time.monotonic() - start, 1))
    assert switch(project, **before) == off


def check_database(project: Path) -> dict[str, int]:
    """Run every command for the database, and return the number of rows of each table."""
    run([*APP, "db", "upgrade"], project)
    run([*APP, "db", "check"], project)
    status = run([*APP, "db", "status"], project)
    branches, _, _tables = status.partition("\n\n")
    pending = {line.split()[-1] for line in branches.splitlines()[1:]}
    assert pending <= {"0", "-"}, status  # a feature that is off has no pending ones
    run([*APP, "db", "current"], project)
    run(["uv", "run", "--quiet", "alembic", "current"], project)
    return table_rows(project)


def started(template: Path, tmp_path: Path) -> Path:
    """A minimal, installed project with an item in its database."""
    rendered = render(template, tmp_path / "rendered/shop", {"preset": "minimal"})
    project = install(rendered, tmp_path / "shop")
    with dev_stack(project) as stack:
        create_entry(stack, "items")
        assert table_rows(project)["items"] == SAMPLE_ITEMS + 1
    return project


def sign_in_to_admin_site(stack: DevStack) -> None:
    """Adds an entry to the audit log of the option `admin`."""
    email, password = first_admin(stack.project)
    with httpx.Client(base_url=f"{stack.url}/admin", timeout=30) as browser:
        (token,) = re.findall(r'name="csrf_token" value="(\w+)"', browser.get("/login").text)
        fields = {"csrf_token": token, "email": email, "password": password}
        assert browser.post("/login", data=fields).status_code == httpx.codes.SEE_OTHER


def grant_credits(stack: DevStack) -> None:
    run([*APP, "credits", "grant", "demo@example.com", "5"], stack.project)


def upload_document(stack: DevStack) -> None:
    with demo_client(stack) as client:
        uploaded = client.post(
            "/api/v1/documents/direct",
            params={"name": "bees.txt"},
            content=b"Bees dance in the hive.",
            headers={"Content-Type": "text/plain"},
        )
    assert uploaded.status_code == httpx.codes.ACCEPTED, uploaded.text
    eventually(lambda: table_rows(stack.project)["documents_chunks"])


def create_api_key(stack: DevStack) -> None:
    options = ("--name", "CI", "--scope", "users:read")
    run([*APP, "api-keys", "create", "demo@example.com", *options], stack.project)


def create_organization(stack: DevStack) -> None:
    with demo_client(stack) as client:
        created = client.post("/api/v1/organizations", json={"name": "Bees"})
    assert created.status_code == httpx.codes.CREATED, created.text


def start_checkout(stack: DevStack) -> None:
    with demo_client(stack) as client:
        started = client.post("/api/v1/billing/subscription", json={"price": "pro_monthly"})
    assert started.status_code == httpx.codes.OK, started.text


# For each option with tables: a function that adds a row, and the table.
ADDED_ROWS = {
    "admin": (sign_in_to_admin_site, "admin_audit"),
    "api_keys": (create_api_key, "api_keys"),
    "billing": (start_checkout, "billing_customers"),
    "credits": (grant_credits, "credits_transactions"),
    "organizations": (create_organization, "organizations"),
    "pgvector": (upload_document, "documents_chunks"),
}


def switched_options() -> list[object]:
    """All options together, and each by itself at night."""
    alone = [pytest.param([name], id=name, marks=pytest.mark.matrix) for name in ALONE]
    return [pytest.param(list(OPTIONS), id="all"), *alone]


@pytest.mark.network
@pytest.mark.parametrize("options", switched_options())
def test_options_come_and_go_with_data(options: list[str], template: Path, tmp_path: Path) -> None:
    project = started(template, tmp_path)
    off = rendered_files(project)

    on = switch(project, **dict.fromkeys(options, True))
    assert of_team(on) == of_team(off)
    added = [ADDED_ROWS[option] for option in options if option in ADDED_ROWS]
    assert bool(added) == any("/migrations/" in name for name in on.keys() - off.keys())
    with dev_stack(project) as stack:
        for add_row, _ in added:
            add_row(stack)
        data = table_rows(project)
    assert data["items"] == SAMPLE_ITEMS + 1
    assert all(data[table] for _, table in added)

    assert switch(project, **dict.fromkeys(options, False)) == off
    with dev_stack(project):
        assert check_database(project) == data, "switching off keeps the rows"
        dropped = "credits" if len(options) > 1 else None
        if dropped:
            assert "data kept" in run([*APP, "db", "status"], project)
            refused = attempt([*APP, "db", "drop-feature", dropped], project)
            assert refused.returncode == 1
            assert "credits_transactions" in refused.stderr
            assert table_rows(project) == data, "no row is deleted without --yes"
            run([*APP, "db", "drop-feature", dropped, "--yes"], project)
            data = {name: rows for name, rows in data.items() if not name.startswith(dropped)}
            assert table_rows(project) == data

    assert switch(project, **dict.fromkeys(options, True)) == on
    with dev_stack(project):
        found = check_database(project)
        assert found == found | data, "switching on again finds the rows"
        if dropped:
            assert found["credits_transactions"] == 0, "dropped tables start empty"


@pytest.mark.network
def test_a_sample_of_organizations_stays_when_the_option_goes(
    template: Path, tmp_path: Path
) -> None:
    """Nothing deletes or replaces it. The project does not start without what the sample uses."""
    answers = {"preset": "minimal", "organizations": True}
    project = install(render(template, tmp_path / "rendered/shop", answers), tmp_path / "shop")
    on = rendered_files(project)
    with dev_stack(project) as stack:
        create_entry(stack, "items")
        data = table_rows(project)
    assert data["items"] == SAMPLE_ITEMS + 1

    off = switch(project, organizations=False)
    assert of_team(off) == of_team(on)
    assert any("/extensions/organizations/" in name for name in on.keys() - off.keys())
    start = "from app.core.features import load; load('routes')"
    refused = attempt(["uv", "run", "--quiet", "python", "-c", start], project)
    assert "Feature 'items' cannot be loaded" in refused.stderr
    assert "switch the option of that feature on again" in refused.stderr

    assert switch(project, organizations=True) == on
    with dev_stack(project):
        found = check_database(project)
        assert found == found | data
