"""`app db seed`: which seeds run, in which order, and what happens to rows that are there."""

import importlib
import io
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

import app.features
from app.core.cli import confirm
from app.core.cli.db import cli
from app.core.cli.errors import run
from app.core.database.models import SCHEMA
from app.core.features import load
from app.core.settings import get_settings, load_settings

Seed = Callable[..., tuple[int, str, str]]

SEEDS = """
from app.core.database.seeding import Seeder
from app.extensions.users.models import User


async def seed(seeder: Seeder) -> None:
    for name in {names}:
        key = seeder.key("probe", name, seeder.email)
        await seeder.add(User(id=key, email=name + "@example.com", display_name=name))
"""


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only these two features have seeds; the first one uses the second."""
    for name, uses, names in (("alphas", ("betas",), ["a"]), ("betas", (), ["b", "c"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'"""Probe."""\nUSES = {uses}\n')
        (tmp_path / name / "seeds.py").write_text(SEEDS.format(names=names))
    importlib.invalidate_caches()
    monkeypatch.setattr(app.features, "__path__", [*app.features.__path__, str(tmp_path)])
    monkeypatch.setenv("FEATURES", "users,alphas,betas")
    load.cache_clear()
    yield
    load.cache_clear()
    for module in [
        m for m in sys.modules if m.startswith(("app.features.alp", "app.features.bet"))
    ]:
        del sys.modules[module]


@pytest.fixture
def seed(
    database_url: str,
    features: None,
    fresh_settings: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Seed:
    """Call `app db seed` on an own database; return exit code, output and error."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            run(lambda: cli(["seed", *arguments], prog_name="app db"))
        printed = capsys.readouterr()
        return int(stop.value.code or 0), printed.out, printed.err

    return call


def execute(url: str, statement: str) -> list[tuple[str, ...]]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement.replace("users", f"{SCHEMA}.users")))
        return [tuple(row) for row in result] if result.returns_rows else []


NAMES = "SELECT email, display_name FROM users ORDER BY email"


@pytest.fixture(autouse=True)
def _no_users(database_url: str) -> None:
    execute(database_url, "DELETE FROM users")


def test_a_feature_comes_after_those_that_it_uses(seed: Seed) -> None:
    code, out, err = seed("--email", "x@example.com")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["betas: added 2 rows", "alphas: added 1 rows"]


def test_rows_that_are_there_keep_their_values(seed: Seed, database_url: str) -> None:
    seed("--email", "x@example.com")
    execute(database_url, "UPDATE users SET display_name = 'mine' WHERE email LIKE 'b@%'")
    execute(database_url, "DELETE FROM users WHERE email LIKE 'c@%'")
    code, out, _ = seed("--email", "x@example.com")
    assert (code, out.splitlines()) == (0, ["betas: added 1 rows", "alphas: added 0 rows"])
    assert execute(database_url, NAMES) == [
        ("a@example.com", "a"),
        ("b@example.com", "mine"),
        ("c@example.com", "c"),
    ]


def test_two_at_once_add_each_row_once(
    seed: Seed, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(_: int) -> None:
        with pytest.raises(SystemExit):
            run(lambda: cli(["seed", "--email", "x@example.com"], prog_name="app db"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(call, range(4)))
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("alphas: added 1 rows") == 1
    assert len(execute(database_url, NAMES)) == 3


def test_the_owner_is_the_demo_user(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = seed()
    assert code == 1
    assert "DEMO_USER_EMAIL" in err
    monkeypatch.setenv("DEMO_USER_EMAIL", "demo@example.com")
    load_settings.cache_clear()
    assert seed()[0] == 0
    # The rows of another owner have other keys, and their addresses are not unique.
    assert seed("--email", "other@example.com")[1].splitlines()[0] == "betas: added 2 rows"
    assert seed("--email", "demo@example.com")[1].splitlines()[0] == "betas: added 0 rows"


def test_production_is_refused(
    seed: Seed, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = get_settings().model_copy(update={"environment": "production"})
    monkeypatch.setattr(confirm, "get_settings", lambda: production)
    code, out, err = seed("--email", "x@example.com")
    assert (code, out) == (1, "")
    assert "--force" in err
    assert execute(database_url, NAMES) == []
    assert seed("--email", "x@example.com", "--force")[0] == 0
    assert len(execute(database_url, NAMES)) == 3
