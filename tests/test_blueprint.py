"""The sample feature is what `app feature new items` writes: one shape, in one place.

There are two, and Copier renders one: with rows of organizations, or of users.
"""

import subprocess
import sys
from pathlib import Path
from string import Template

import pytest

from support.rendering import Render
from support.snapshot import ROOT

TEMPLATE = ROOT / "template"
BLUEPRINT = TEMPLATE / "devstack/blueprint"
SCOPES = TEMPLATE / "devstack/scopes"
ADDONS = TEMPLATE / "devstack/addons"
# The folder of each sample, by its scope.
SAMPLES = {
    "user": "features/{% if not organizations %}items{% endif %}",
    "organization": "features/{% if organizations %}items{% endif %}",
}
PARTS = {"feature": "app", "tests": "tests"}
# Files of a sample that the blueprint does not have, because a new table of users has no policy.
BEYOND = {
    "user": {
        "feature/migrations/items_0002_open_to_owners.py",
        "tests/test_analytics.py",
        "tests/test_policies.py",
    },
    "organization": {"tests/test_analytics.py"},
}
WORDS = {
    "features": "items",
    "FEATURES": "ITEMS",
    "Features": "Items",
    "one": "item",
    "Entity": "Item",
    "a_one": "an item",
    "A_one": "An item",
}


def written(scope: str, folder: Path) -> dict[str, str]:
    """What `app feature new items` writes, by part and path in it."""
    for part in PARTS:
        # An addition for another scope is in a folder with the name of that scope.
        addons = [path / ("" if scope == "user" else scope) / part for path in ADDONS.iterdir()]
        for origin in (BLUEPRINT / part, SCOPES / scope / part, *addons):
            for path in origin.rglob("*.txt"):
                name = str(path.relative_to(origin)).replace("features", "items")
                target = folder / part / name.removesuffix(".txt")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(Template(path.read_text()).substitute(WORDS))
    ruff = [sys.executable, "-m", "ruff", "--config", str(TEMPLATE / "ruff.toml"), "--quiet"]
    for arguments in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run([*ruff, *arguments, str(folder)], check=True)
    return contents(folder)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*.*")
        if path.suffix in (".py", ".html")
    }


def sample(scope: str) -> dict[str, str]:
    """The files of a sample, by part and path in it."""
    return {
        f"{part}/{name}": code
        for part, place in PARTS.items()
        for name, code in contents(TEMPLATE / place / SAMPLES[scope]).items()
    }


@pytest.mark.parametrize("scope", SAMPLES)
def test_the_sample_is_the_blueprint(scope: str, tmp_path: Path) -> None:
    found = sample(scope)
    assert found.keys() >= BEYOND[scope]
    kept = {name: code for name, code in found.items() if name not in BEYOND[scope]}
    assert kept == written(scope, tmp_path)


@pytest.mark.parametrize(("scope", "organizations"), [("user", False), ("organization", True)])
def test_one_sample_is_rendered(scope: str, organizations: bool, render: Render) -> None:
    project = render(preset="everything", organizations=organizations)
    rendered = {
        f"{part}/{name}": code
        for part, place in PARTS.items()
        for name, code in contents(project / place / "features/items").items()
    }
    assert rendered == sample(scope)


def test_the_blueprint_keeps_no_name_of_the_sample() -> None:
    # `items` is the name of the entries of every page.
    for path in [*(each for root in (BLUEPRINT, SCOPES, ADDONS) for each in root.rglob("*.txt"))]:
        text = (
            path.read_text()
            .replace("items=[", "")
            .replace('["items"]', "")
            .replace("found.items", "")
        )
        assert "item" not in text.lower(), path


def test_a_scope_replaces_files_of_the_blueprint() -> None:
    """A file that another scope adds is about that scope."""
    of_blueprint = {path.relative_to(BLUEPRINT) for path in BLUEPRINT.rglob("*.txt")}
    added = {
        str(path.relative_to(SCOPES))
        for scope in SCOPES.iterdir()
        for path in scope.rglob("*.txt")
        if path.relative_to(scope) not in of_blueprint
    }
    assert added == {f"organization/tests/{name}.py.txt" for name in ("conftest", "test_policies")}
