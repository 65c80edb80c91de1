"""Fixtures of the behave tier: an installed variant, its running stack, and clients of its API."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support.answers import Answers, matrix_variants, personas
from support.commands import run
from support.plugins.variant_report import FAILED, FOLDERS
from support.project import install, pythons
from support.rendering import Render
from support.stack import DevStack, dev_stack

SignIn = Callable[[str], httpx.Client]


@dataclass(frozen=True)
class Variant:
    """A project with its answers and its Python.

    One that runs all its tests covers its Python; the others run the tests that a team runs.
    """

    name: str
    project: Path
    runs_whole: bool

    def app(self, *arguments: str) -> str:
        """Run `app …` in the project and return its output."""
        return run(["uv", "run", "--quiet", "app", *arguments], self.project)


def cases() -> list[object]:
    """The personas, on both Pythons; and the rows of the matrix, for `-m matrix`."""
    oldest, newest = pythons()
    named = {each.name: each for each in personas()}
    chosen = {name: newest if each.newest_python else oldest for name, each in named.items()}
    whole = whole_runs(chosen)
    found = [
        case(name, chosen[name], persona.answers, name in whole) for name, persona in named.items()
    ]
    for number, (row, answers) in enumerate(matrix_variants().items()):
        found.append(case(row, (oldest, newest)[number % 2], answers, True, pytest.mark.matrix))
    return found


def whole_runs(pythons: dict[str, str]) -> set[str]:
    """The personas that run all tests of their project: one for each Python.

    This is `everything` for its Python, and the first persona, the smallest, for another one.
    """
    if os.environ.get("PROJECT_TESTS") == "all":
        return set(pythons)
    on = {pythons["everything"]: "everything"}
    for name, python in pythons.items():
        on.setdefault(python, name)
    return set(on.values())


def case(
    name: str,
    python: str,
    answers: Answers,
    runs_whole: bool,
    *marks: pytest.MarkDecorator,
) -> object:
    """A parameter of `variant`. One worker runs all its tests, to install and start it once."""
    label = f"{name} on Python {python}"
    group = pytest.mark.xdist_group(label)
    return pytest.param((label, python, answers, runs_whole), id=label, marks=(group, *marks))


CASES = cases()
# For tests whose result does not depend on the persona.
EVERYTHING = [each for each in CASES if str(getattr(each, "id", "")).startswith("everything")]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a variant one after the other, in the order of their files.

    pytest orders them by the position of their parameter in its list, which `EVERYTHING` changes.
    """
    places: dict[str, int] = {}
    order: dict[pytest.Item, tuple[int, str, int]] = {}
    for number, item in enumerate(items):
        callspec = getattr(item, "callspec", None)
        label = callspec.params["variant"][0] if callspec and "variant" in callspec.params else ""
        place = places.setdefault(label, number) if label else number
        order[item] = (place, str(item.path) if label else "", number)
    items.sort(key=order.__getitem__)


@pytest.fixture
def named(request: pytest.FixtureRequest) -> None:
    """Add a test to the report of its variant."""
    label = request.node.callspec.params["variant"][0]
    request.node.user_properties.append(("variant", label))
    # Without the groups, each process would install the variant, and the order would be undefined.
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith(f"@{label}"), "pytest-xdist has lost the groups"


@pytest.fixture(scope="session", params=CASES)
def variant(
    request: pytest.FixtureRequest,
    render: Render,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Variant]:
    """An installed variant. Its folder is kept if one of its tests fails."""
    label, python, answers, runs_whole = request.param
    folder = tmp_path_factory.mktemp("variant")
    request.config.stash[FOLDERS][label] = str(folder / "demo")
    yield Variant(label, install(render(**answers), folder / "demo", python), runs_whole)
    if label not in request.config.stash[FAILED]:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stack(variant: Variant) -> Iterator[DevStack]:
    """API, worker, beat, databases and local Supabase of the variant, running."""
    with dev_stack(variant.project) as running:
        yield running


@pytest.fixture(scope="session")
def sign_in(variant: Variant, stack: DevStack) -> Iterator[SignIn]:
    """`sign_in(email)`: a client of the API with a token of the local Supabase."""
    clients: dict[str, httpx.Client] = {}

    def sign_in(email: str) -> httpx.Client:
        if email not in clients:
            token = variant.app("token", "--quiet", "--email", email).strip()
            headers = {"Authorization": f"Bearer {token}"}
            clients[email] = httpx.Client(base_url=stack.url, headers=headers, timeout=30)
        return clients[email]

    yield sign_in
    for client in clients.values():
        client.close()
