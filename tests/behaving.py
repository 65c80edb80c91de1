"""Fixtures of the behave tier: a variant in an environment of its own, and its running stack."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import variants
from harness import run
from progress import FAILED, FOLDERS
from running import DevStack, dev_stack, install, pythons

SignIn = Callable[[str], httpx.Client]


@dataclass(frozen=True)
class Variant:
    """Some answers that became a project, on a Python.

    One that runs its tests whole covers its Python; the others run the tests of what they add.
    """

    name: str
    project: Path
    runs_whole: bool

    def app(self, *arguments: str) -> str:
        """Run `app …` in the project; its output."""
        return run(["uv", "run", "--quiet", "app", *arguments], self.project)


def cases() -> list[object]:
    """The personas, with both Pythons among them; rows of the matrix for `-m matrix`."""
    oldest, newest = pythons()
    personas = {each.name: each for each in variants.personas()}
    chosen = {name: newest if each.newest_python else oldest for name, each in personas.items()}
    whole = whole_runs(chosen)
    found = [
        case(name, chosen[name], persona.answers, name in whole)
        for name, persona in personas.items()
    ]
    for number, (row, answers) in enumerate(variants.rows().items()):
        found.append(case(row, (oldest, newest)[number % 2], answers, True, pytest.mark.matrix))
    return found


def whole_runs(pythons: dict[str, str]) -> set[str]:
    """The personas that run all tests of their project: one for each Python.

    On its Python it is `everything`, on the other one the first, which is the smallest.
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
    answers: variants.Answers,
    runs_whole: bool,
    *marks: pytest.MarkDecorator,
) -> object:
    """One worker takes all tests of a variant, so that it is installed and started once."""
    label = f"{name} on Python {python}"
    group = pytest.mark.xdist_group(label)
    return pytest.param((label, python, answers, runs_whole), id=label, marks=(group, *marks))


CASES = cases()
# One persona, for what would show nothing new on the others.
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
    """Tell the report which variant a test is about."""
    label = request.node.callspec.params["variant"][0]
    request.node.user_properties.append(("variant", label))
    # Else each process would install it and start its stack, and the order be anybody's guess.
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith(f"@{label}"), "pytest-xdist has forgotten the groups"


@pytest.fixture(scope="session", params=CASES)
def variant(
    request: pytest.FixtureRequest,
    render: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Variant]:
    """A variant, installed. Its folder is kept if one of its tests fails."""
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

    def signs_in(email: str) -> httpx.Client:
        if email not in clients:
            token = variant.app("token", "--quiet", "--email", email).strip()
            headers = {"Authorization": f"Bearer {token}"}
            clients[email] = httpx.Client(base_url=stack.url, headers=headers, timeout=30)
        return clients[email]

    yield signs_in
    for client in clients.values():
        client.close()
