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
    """Run a command on the bank's database; its exceptions are raised."""
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
    ("arguments", "code"),
    [
        (("balance", "nobody@example.com"), "user_not_found"),
        (("adjust", "EMAIL", "-11"), "balance_too_low"),
        (("adjust", "EMAIL", "0"), "amount_is_zero"),
        (("tier", "EMAIL", "golden"), "tier_not_found"),
        (("rate", "cli.two", "--tier", "golden"), "tier_not_found"),
    ],
)
def test_the_errors_of_services_end_a_command(
    bank: Bank, run: Callable[..., Result], arguments: tuple[str, ...], code: str
) -> None:
    email = address(bank)
    with pytest.raises(AppError) as refused:
        run(*(email if word == "EMAIL" else word for word in arguments))
    assert refused.value.code == code


def test_a_wrong_rate_is_refused(run: Callable[..., Result]) -> None:
    with pytest.raises(CliError):
        run("rate", "Wrong")


def test_verify_shows_the_accounts_with_discrepancies(
    bank: Bank, run: Callable[..., Result]
) -> None:
    assert run("verify").exit_code == 0
    person = bank.person(10)
    change = "UPDATE app.credits_accounts SET balance = balance {} 1 WHERE user_id = :user"
    bank.sql(change.format("+"), user=person)
    result = CliRunner().invoke(cli, ["verify"])
    assert isinstance(result.exception, CliError)
    assert [line.split()[0] for line in result.output.splitlines()] == [str(person)]
    bank.sql(change.format("-"), user=person)
