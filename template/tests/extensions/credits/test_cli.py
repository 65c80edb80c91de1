"""`app credits`."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from app.core.cli.errors import CliError
from app.core.database import forget_process_engine
from app.core.errors import AppError
from app.extensions.credits.cli import cli
from tests.extensions.credits.conftest import Bank


@pytest.fixture
def run(bank: Bank, database_url: str, configure: Callable[..., None]) -> Callable[..., Result]:
    """Run a command on the bank's database; what it raises is raised."""
    configure(DATABASE_URL=database_url, COLUMNS="200")
    forget_process_engine()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    return run


@pytest.fixture(autouse=True)
def _own_engine() -> object:
    yield
    forget_process_engine()


def address(bank: Bank) -> str:
    return f"{bank.person(10).hex}@example.com"


def test_credits_are_granted_taken_and_shown(bank: Bank, run: Callable[..., Result]) -> None:
    email = address(bank)
    assert " 15 " in run("grant", email, "5", "--reason", "Thanks", "--key", "one").output
    assert " 15 " in run("grant", email, "5", "--reason", "Thanks", "--key", "one").output
    assert " 12 " in run("adjust", email, "-3").output
    assert "premium" in run("tier", email, "premium").output
    assert " 12 " in run("balance", email).output


def test_a_rate_is_set_and_listed(run: Callable[..., Result]) -> None:
    run("rate", "cli.one", "--per-unit", "3", "--unfinished", "commit")
    line = next(line for line in run("rates").output.splitlines() if "cli.one" in line)
    assert line.split()[:5] == ["cli.one", "all", "0", "3", "commit"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("balance", "nobody@example.com"), "There is no"),
        (("adjust", "EMAIL", "-11"), "The balance is 10: no more can be taken."),
        (("adjust", "EMAIL", "0"), "A correction by 0 changes nothing"),
        (("tier", "EMAIL", "golden"), "There is no tier golden."),
        (("rate", "Wrong"), "This is no rate"),
        (("rate", "cli.two", "--tier", "golden"), "There is no tier golden."),
    ],
)
def test_a_mistake_is_one_sentence(
    bank: Bank, run: Callable[..., Result], arguments: tuple[str, ...], sentence: str
) -> None:
    email = address(bank)
    with pytest.raises((CliError, AppError), match=sentence):
        run(*(email if word == "EMAIL" else word for word in arguments))


def test_verify_says_which_account_does_not_add_up(
    bank: Bank, run: Callable[..., Result], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Every balance equals its ledger" in run("verify").output
    person = bank.person(10)
    change = "UPDATE app.credits_accounts SET balance = balance {} 1 WHERE user_id = :user"
    bank.sql(change.format("+"), user=person)
    with pytest.raises(CliError, match="do not add up: 1"):
        run("verify")
    bank.sql(change.format("-"), user=person)
