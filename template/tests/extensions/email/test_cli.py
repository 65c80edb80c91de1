"""`app email`."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, create_model
from typer.testing import CliRunner, Result

import app.features
from app.cli import build
from app.core.cli.errors import CliError
from app.core.database import forget_process_engine
from app.core.features import FeatureError
from app.extensions.email.catalog import catalog
from app.extensions.email.schemas import Mail
from devstack.inbox import InboxServer
from tests.extensions.email import shop
from tests.extensions.email.conftest import Configure


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(build(), ["email", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_list_names_every_mail() -> None:
    output = run("list").output
    assert all(key in output for key in catalog())


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (Field(examples=["4711"]), "'shop.order_shipped' cannot be shown: 'name' is undefined"),
        (Field(), "'shop.order_shipped' needs examples that fit: number"),
    ],
)
def test_a_mail_that_cannot_be_shown_is_named(
    monkeypatch: pytest.MonkeyPatch, field: Any, problem: str
) -> None:
    mail = create_model("OrderShipped", __base__=Mail, number=(str, field))
    mail.__module__ = "app.features.shop.email"
    monkeypatch.setitem(catalog(), mail.key(), mail)
    with pytest.raises(FeatureError, match=problem):
        run("list")


def test_the_preview_of_one_and_of_all(tmp_path: Path) -> None:
    assert run("preview", "shop.order_shipped").output.startswith("Subject: Ada, your order")
    page = tmp_path / "deep" / "emails.html"
    run("preview", "--out", str(page), "--no-open")
    assert "shop.order_shipped on a phone" in page.read_text(encoding="utf-8")


def test_a_test_mail(server: InboxServer, configure: Configure) -> None:
    assert "Sent to ada@example.com" in run("send", "Ada@example.com").output
    assert len(server.inbox) == 1
    server.handler.answers["ada@example.com"] = "550 no"
    with pytest.raises(CliError, match="550 no"):
        run("send", "ada@example.com")
    configure(url="smtp+plain://127.0.0.1:1")
    with pytest.raises(CliError):
        run("send", "ada@example.com")


@pytest.fixture
def own_database(
    database_url: str, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    configure()
    forget_process_engine()
    yield
    forget_process_engine()


def test_addresses_are_suppressed_and_released(own_database: None) -> None:
    run("suppress", "ada@example.com")
    run("release", "ada@example.com")
    with pytest.raises(Exception, match="not suppressed"):
        run("release", "ada@example.com")


def test_a_process_knows_the_build() -> None:
    """In tests, the module of the command may have been imported already."""
    command = [sys.executable, "-m", "app", "email", "build", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Everything is current.\n"), done.stderr


def test_the_build_writes_what_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shop.FOLDER, tmp_path, dirs_exist_ok=True)
    others = [path for path in app.features.__path__ if path != shop.FOLDER]
    monkeypatch.setattr(app.features, "__path__", [*others, str(tmp_path)])
    text = tmp_path / "shop" / "emails" / "news.txt"
    before = text.read_text(encoding="utf-8")
    assert "current" in run("build", "--check").output
    text.write_text("old", encoding="utf-8")
    with pytest.raises(CliError, match=r"news\.txt"):
        run("build", "--check")
    assert "news.txt" in run("build").output
    assert text.read_text(encoding="utf-8") == before
