"""The sample feature is what `app feature new items` writes: one shape, in one place."""

from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).parents[1] / "template"
BLUEPRINT = TEMPLATE / "devstack/blueprint"
SCOPES = TEMPLATE / "devstack/scopes"
ADDONS = TEMPLATE / "devstack/addons"
SAMPLE = {
    "feature": TEMPLATE / "app/features/items",
    "tests": TEMPLATE / "tests/features/items",
}
# Files of the sample that the blueprint does not have, because a new table has no policy.
BEYOND = {
    SAMPLE["feature"] / "migrations/items_0002_open_to_owners.py",
    SAMPLE["tests"] / "test_policies.py",
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


def written() -> dict[Path, str]:
    return {
        SAMPLE[part]
        / str(path.relative_to(folder / part))
        .replace("features", "items")
        .removesuffix(".txt"): Template(path.read_text()).substitute(WORDS)
        for folder in (BLUEPRINT, *ADDONS.iterdir())
        for part in SAMPLE
        for path in (folder / part).rglob("*.txt")
    }


def test_the_sample_is_the_blueprint() -> None:
    sample = {
        path: path.read_text()
        for root in SAMPLE.values()
        for path in root.rglob("*.*")
        if path.suffix in (".py", ".html")
    }
    assert sample.keys() >= BEYOND
    assert {path: code for path, code in sample.items() if path not in BEYOND} == written()


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
