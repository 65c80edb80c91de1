"""Rules of imports: core, features and what they state, and the dev tools."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from app.cli import build

PROJECT = Path(__file__).parents[2]
APP = PROJECT / "app"

# The modules that other features may import. Tables are private.
PUBLIC = {"service", "deps", "schemas"}


def imported(code: str, package: str) -> Iterator[str]:
    """Yield the dotted names that code in `package` imports, with the imported attribute."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(relative, package)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def uses(code: str) -> set[str]:
    """Return the names in a feature's `USES`."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "USES":
            return set(ast.literal_eval(node.value))
    return set()


def homes() -> dict[str, Path]:
    """Return the folder of each feature by its name."""
    found = [*APP.glob("extensions/*/__init__.py"), *APP.glob("features/*/__init__.py")]
    return {path.parent.name: path.parent for path in sorted(found)}


def violations(package: str, init: str, code: str, module: str = "service") -> list[str]:
    """Return the forbidden imports of code in a module of a feature; `package` is the code's."""
    own = ".".join(package.split(".")[:3])
    # The team's features may use both kinds, an extension no feature of the team.
    kinds = ("extensions", "features") if own.startswith("app.features.") else ("extensions",)
    allowed = {
        f"app.{kind}.{name}.{part}" for kind in kinds for name in uses(init) for part in PUBLIC
    }
    # The other feature loads a module that is named after it.
    allowed |= {"app.core", "app.settings", own, *(f"app.{kind}.{module}" for kind in kinds)}
    return [
        name
        for name in imported(code, package)
        if name.split(".")[0] in ("app", "devstack", "tests")
        and not any(f"{name}.".startswith(f"{good}.") for good in allowed)
    ]


@pytest.mark.parametrize(
    "path",
    [path for home in homes().values() for path in sorted(home.rglob("*.py"))],
    ids=lambda path: str(path.relative_to(APP)),
)
def test_a_feature_imports_core_and_the_features_that_it_states(path: Path) -> None:
    init = homes()[path.relative_to(APP).parts[1]] / "__init__.py"
    package = ".".join(path.parent.relative_to(PROJECT).parts)
    code = path.read_text(encoding="utf-8")
    # A module may be a package: its files are parts of it.
    module = path.relative_to(init.parent).parts[0].removesuffix(".py")
    assert violations(package, init.read_text(encoding="utf-8"), code, module) == []


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        ("from app.extensions.users.service import get", []),
        ("from app.extensions.users import service", []),
        ("import app.extensions.users.deps", []),
        ("from app.core.database.models import Model\nfrom app.settings import Settings", []),
        ("from . import service\nfrom app.features.orders.models import Order", []),
        ("import application, testsuite", []),
        ("from app.extensions.users.models import User", ["app.extensions.users.models.User"]),
        ("from app.extensions.users import models", ["app.extensions.users.models"]),
        ("from app.extensions.users.services import x", ["app.extensions.users.services.x"]),
        ("from app.extensions import users", ["app.extensions.users"]),
        ("from app.features.items.service import x", ["app.features.items.service.x"]),
        ("from ..items.models import Item", ["app.features.items.models.Item"]),
        ("def late():\n    import app.features.items.models", ["app.features.items.models"]),
        ("from app.main import app", ["app.main.app"]),
        ("from devstack.postgres import Postgres", ["devstack.postgres.Postgres"]),
    ],
)
def test_the_rule_itself(code: str, forbidden: list[str]) -> None:
    assert violations("app.features.orders", 'USES = ("users",)', code) == forbidden


def test_an_extension_uses_no_feature_of_the_team() -> None:
    init, code = 'USES = ("items",)', "from app.features.items import service"
    assert violations("app.features.orders", init, code) == []
    assert violations("app.extensions.orders", init, code) == ["app.features.items.service"]


def test_a_module_named_after_a_feature_may_import_it() -> None:
    code = "from app.extensions.parcels.models import Parcel"
    assert violations("app.features.orders", "", code, "parcels") == []
    assert violations("app.features.orders", "", code, "letters") != []


def test_the_features_that_a_feature_states_exist() -> None:
    for home in homes().values():
        for name in uses((home / "__init__.py").read_text(encoding="utf-8")):
            assert name in homes(), f"{home}: {name}"


def test_import_linter() -> None:
    """The contracts of .importlinter hold."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def closure(requirements: list[str]) -> set[str]:
    """Return the names of the distributions that these require, as installed."""
    found: set[tuple[str, str]] = set()
    queue = [Requirement(text) for text in requirements]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            needs = map(Requirement, metadata.requires(name) or [])
            queue += [n for n in needs if not n.marker or n.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def test_the_image_needs_nothing_of_the_dev_group() -> None:
    """It has the group `core`, those of the chosen options, and the project's dependencies."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        name: g
        for name, g in project["dependency-groups"].items()
        if name not in ("dev", "template-dev")
    }
    shipped = closure([*project["project"]["dependencies"], *chain(*groups.values())])
    sources = metadata.packages_distributions()
    for path in sorted((PROJECT / "app").rglob("*.py")):
        for name in imported(path.read_text(encoding="utf-8"), "app"):
            root = name.partition(".")[0]
            # The command line imports the dev stack only if it is there.
            if root in sys.stdlib_module_names or root in ("app", "devstack"):
                continue
            assert {canonicalize_name(home) for home in sources[root]} & shipped, f"{path}: {name}"


def test_the_command_line_starts_without_the_dev_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = get_command(build()).commands  # type: ignore[attr-defined]
    assert "dev" in commands
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "devstack" else find_spec(name)
    )
    in_production = get_command(build()).commands  # type: ignore[attr-defined]
    developer_only = {
        "api-diff",
        "ci",
        "clean",
        "dev",
        "nuke",
        "release-check",
        "secrets",
        "setup",
        "token",
    }
    # An option may bring a group of its own.
    of_options = {file.stem for file in (PROJECT / "devstack/commands").glob("*.py")}
    missing = commands.keys() - in_production.keys()
    assert developer_only <= missing <= developer_only | of_options


def test_the_application_does_not_import_the_dev_stack() -> None:
    # The command line names its modules, and imports them if they are there.
    known = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "app").rglob("*.py")
        for name in imported(path.read_text(encoding="utf-8"), "app")
        if name.partition(".")[0] in ("devstack", "tests")
    }
    assert known == set()
