"""An option is switched off, on and off again: the tree returns, and the database loses nothing.

Each option on the tree alone; all together on a database, and each by itself there at night.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import variants
from costs import PROPERTY
from harness import TAG, attempt, commit, render, run, tree
from running import DevStack, dev_stack, eventually, first_admin, install
from updating import add, demo_user, tables, templates, unfinished, update

APP = ("uv", "run", "--quiet", "app")
ALONE = [name.removeprefix("only-") for name in variants.flips() if name.startswith("only-")]


def switch(project: Path, **options: object) -> dict[str, bytes]:
    """Update with other answers, commit; the tree afterwards."""
    commit(project, "The lock file that uv has written")
    update(project, TAG, **options)
    assert unfinished(project) == []
    commit(project, f"Switch {options}")
    return rendered_files(project)


def rendered_files(project: Path) -> dict[str, bytes]:
    """The files in git: neither an environment nor data."""
    names = run(["git", "ls-files", "-z"], project).strip("\0").split("\0")
    return {name: (project / name).read_bytes() for name in names if name != "uv.lock"}


def test_tree_returns_whatever_option_is_switched(
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
        answers = variants.flips()[f"only-{option}"]
        fresh = render(template, tmp_path / option / "shop", answers)
        assert templates(on) == templates(tree(fresh)), option
        before = {option: False}
        record_property(f"{PROPERTY}{option}", round(time.monotonic() - start, 1))
    assert switch(project, **before) == off


def db_works(project: Path) -> dict[str, int]:
    """Every command about the database does its work; the tables with their rows."""
    run([*APP, "db", "upgrade"], project)
    assert "agree" in run([*APP, "db", "check"], project)
    status = run([*APP, "db", "status"], project)
    pending = {line.split()[-1] for line in status.splitlines()[1:]}
    assert pending <= {"0", "-"}, status  # a feature that is off has none to be told
    run([*APP, "db", "current"], project)
    run(["uv", "run", "--quiet", "alembic", "current"], project)
    return tables(project)


def started(template: Path, tmp_path: Path) -> Path:
    """A minimal project, installed, with an item in its database."""
    rendered = render(template, tmp_path / "rendered/shop", {"preset": "minimal"})
    project = install(rendered, tmp_path / "shop")
    with dev_stack(project) as stack:
        add(stack, "items")
        assert tables(project)["items"] == 1
    return project


def sign_in_to_the_site(stack: DevStack) -> None:
    """What the audit log of the option `admin` keeps."""
    email, password = first_admin(stack.project)
    with httpx.Client(base_url=f"{stack.url}/admin", timeout=30) as browser:
        (token,) = re.findall(r'name="csrf_token" value="(\w+)"', browser.get("/login").text)
        fields = {"csrf_token": token, "email": email, "password": password}
        assert browser.post("/login", data=fields).status_code == httpx.codes.SEE_OTHER


def grant_credits(stack: DevStack) -> None:
    run([*APP, "credits", "grant", "demo@example.com", "5"], stack.project)


def send_a_document(stack: DevStack) -> None:
    with demo_user(stack) as client:
        sent = client.post(
            "/documents/direct",
            params={"name": "bees.txt"},
            content=b"Bees dance in the hive.",
            headers={"Content-Type": "text/plain"},
        )
    assert sent.status_code == httpx.codes.ACCEPTED, sent.text
    eventually(lambda: tables(stack.project)["documents_chunks"])


# Something that each option with tables keeps, and where.
KEPT = {
    "admin": (sign_in_to_the_site, "admin_audit"),
    "credits": (grant_credits, "credits_transactions"),
    "pgvector": (send_a_document, "documents_chunks"),
}


def switched() -> list[object]:
    """All options at once, and each by itself at night."""
    alone = [pytest.param([name], id=name, marks=pytest.mark.matrix) for name in ALONE]
    return [pytest.param(variants.options(), id="all"), *alone]


@pytest.mark.network
@pytest.mark.parametrize("options", switched())
def test_options_come_and_go_with_data(options: list[str], template: Path, tmp_path: Path) -> None:
    project = started(template, tmp_path)
    off = rendered_files(project)

    on = switch(project, **dict.fromkeys(options, True))
    kept = [KEPT[option] for option in options if option in KEPT]
    assert bool(kept) == any("/migrations/" in name for name in on.keys() - off.keys())
    with dev_stack(project) as stack:
        for keep, _ in kept:
            keep(stack)
        data = tables(project)
    assert data["items"] == 1
    assert all(data[table] for _, table in kept)

    assert switch(project, **dict.fromkeys(options, False)) == off
    with dev_stack(project):
        assert db_works(project) == data, "off keeps the rows"
        dropped = "credits" if len(options) > 1 else None
        if dropped:
            assert "data kept" in run([*APP, "db", "status"], project)
            refused = attempt([*APP, "db", "drop-feature", dropped], project)
            assert refused.returncode == 1
            assert "credits_transactions" in refused.stderr
            assert tables(project) == data, "nothing is deleted without a question"
            run([*APP, "db", "drop-feature", dropped, "--yes"], project)
            data = {name: rows for name, rows in data.items() if not name.startswith(dropped)}
            assert tables(project) == data

    assert switch(project, **dict.fromkeys(options, True)) == on
    with dev_stack(project):
        found = db_works(project)
        assert found == found | data, "on again finds the rows"
        if dropped:
            assert found["credits_transactions"] == 0, "and starts anew where they were dropped"
