"""`app flags`."""

from uuid import uuid4

import pytest
from typer.testing import CliRunner

from app.core.cli.errors import CliError, DoubtfulError
from app.core.errors import AppError
from app.extensions.flags.checks import flags
from app.extensions.flags.cli import cli
from tests.extensions.flags.conftest import OFF, ON, Declare


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(autouse=True)
def _database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    from app.core.settings import load_settings

    monkeypatch.setenv("DATABASE_URL", database_url)
    load_settings.cache_clear()


def state() -> str:
    (line,) = [line for line in run("list").splitlines() if OFF.name in line]
    return line


def test_a_flag_is_listed_set_and_switched_off() -> None:
    assert "default: off" in state()
    assert "expired" in run("list")
    user = str(uuid4())
    for command, expected in (
        (("set", OFF.name, "20"), "20 %"),
        (("set", OFF.name, "on"), "100 %"),
        (("off", OFF.name), "off for everybody"),
        (("set", OFF.name, "off"), " 0 %"),
        (("set", OFF.name, "on", "--user", user), " 1 "),
        (("set", OFF.name, "default", "--user", user), " 0 "),
        (("set", OFF.name, "off", "--group", user), " 1 "),
        (("set", OFF.name, "default"), "default: off"),
    ):
        assert OFF.name in run(*command)
        assert expected in state(), command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", OFF.name, "half"), "is not a value"),
        (("set", OFF.name, "101"), "between 0 and 100"),
        (("set", OFF.name, "9" * 5000), "between 0 and 100"),
        (("set", OFF.name, "20", "--user", str(uuid4())), "no percentage"),
        (("set", OFF.name, "on", "--user", ""), "--user is empty"),
        (("set", OFF.name, "on", "--user", "ada"), "neither an e-mail address nor an id"),
        (("set", OFF.name, "on", "--user", "a@b.c", "--group", str(uuid4())), "either"),
        (("set", OFF.name, "on", "--user", "nobody@example.com"), "no user nobody"),
        (("off", "shop.typo"), "no flag shop.typo"),
    ],
    ids=["value", "range", "digits", "share", "empty", "user", "both", "nobody", "name"],
)
def test_mistakes_are_explained(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises((CliError, AppError), match=message):
        run(*arguments)


def test_the_check_names_expired_flags(declare: Declare) -> None:
    with pytest.raises(DoubtfulError, match=r"shop\.old \(shop, 2020-01-01\)"):
        flags()
    declare(OFF)
    assert flags() == "1 declared"
    assert ON.expires < OFF.expires
