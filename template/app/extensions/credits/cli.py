"""`app credits`: the books, from a terminal."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.database import sync_session
from app.extensions.credits.models import Unfinished
from app.extensions.credits.schemas import MOST, BalanceRead, RateCreate
from app.extensions.credits.service import accounts, entries, rates
from app.extensions.credits.service.verify import faults
from app.extensions.users import service as users

cli = typer.Typer(name="credits", no_args_is_help=True, help="What people have and what it costs.")

Result = TypeVar("Result")

Email = Annotated[str, typer.Argument(help="E-mail address of the user.")]
Reason = Annotated[str, typer.Option(help="Why, for the owner and the books.")]
Key = Annotated[str | None, typer.Option(help="Of a command that may be repeated: it counts once.")]


@cli.command()
def verify() -> None:
    """Compare every balance with its ledger and holds; exit code 1 if one does not add up."""
    with sync_session() as session:
        found = faults(session)
    for fault in found:
        print(
            f"{fault.user_id}  balance {fault.balance}, ledger {fault.ledger};  "
            f"held {fault.held}, holds {fault.holds};  entries {fault.entries}, "
            f"there {fault.counted}, out of line {fault.unchained}"
        )
    if found:
        raise CliError(
            f"Accounts that do not add up: {len(found)}. Somebody wrote into the tables by hand: "
            "find out who, then correct it by `app credits adjust`."
        )
    print("Every balance equals its ledger, and what is held its holds.")


@cli.command()
def balance(email: Email) -> None:
    """Show what a user has."""
    _show(_with_user(email, accounts.balance))


@cli.command()
def grant(
    email: Email,
    amount: Annotated[int, typer.Argument(min=1, max=MOST, help="Credits.")],
    reason: Reason = "Grant",
    key: Key = None,
) -> None:
    """Give a user credits."""
    _with_user(email, lambda session, user: entries.grant(session, user, amount, reason, key=key))
    balance(email)


@cli.command(context_settings={"ignore_unknown_options": True})
def adjust(
    email: Email,
    amount: Annotated[int, typer.Argument(min=-MOST, max=MOST, help="Credits, such as -5.")],
    reason: Reason = "Correction",
    key: Key = None,
) -> None:
    """Correct a user's balance, up or down."""
    if not amount:
        raise CliError("A correction by 0 changes nothing: say by how much.")
    _with_user(email, lambda session, user: entries.adjust(session, user, amount, reason, key=key))
    balance(email)


@cli.command()
def tier(email: Email, name: Annotated[str, typer.Argument(help="Of the tier.")]) -> None:
    """Move a user to another tier."""
    _show(_with_user(email, lambda session, user: accounts.set_tier(session, user, name)))


@cli.command("rates")
def list_rates() -> None:
    """List what operations cost now."""
    table = Table("Operation", "Tier", "Fixed", "Per unit", "If left behind", "Since", box=None)
    with sync_session() as session:
        for rate in rates.current(session):
            since = f"{rate.valid_from:%Y-%m-%d %H:%M}"
            cells = (rate.operation, rate.tier or "all", str(rate.fixed), str(rate.per_unit))
            table.add_row(*cells, rate.unfinished, since)
    Console().print(table)


@cli.command("rate")
def set_rate(
    operation: Annotated[str, typer.Argument(help="Such as docs.embed.")],
    fixed: Annotated[int, typer.Option(min=0, help="Credits for each use.")] = 0,
    per_unit: Annotated[int, typer.Option(min=0, help="Credits for each unit.")] = 0,
    tier: Annotated[str | None, typer.Option(help="For one tier; default: for all.")] = None,
    unfinished: Annotated[
        Unfinished, typer.Option(help="What becomes of a charge whose process died.")
    ] = Unfinished.RELEASE,
) -> None:
    """Let an operation cost this from now on."""
    try:
        values = RateCreate(
            operation=operation, tier=tier, fixed=fixed, per_unit=per_unit, unfinished=unfinished
        )
    except ValueError as error:
        raise CliError(
            "This is no rate: an operation is written as docs.embed, a tier as premium, and a "
            "price is at most 1000000000."
        ) from error
    with sync_session() as session:
        rates.set_rate(session, values)
    list_rates()


def _with_user(email: str, work: Callable[[Session, UUID], Result]) -> Result:
    async def run(session: AsyncSession) -> Result:
        user = await users.get_by_email(session, email)
        result = await session.run_sync(work, user.id)
        await session.commit()
        return result

    return with_session(run)


def _show(found: BalanceRead) -> None:
    table = Table("Tier", "Balance", "Held", "Allowance", box=None)
    table.add_row(found.tier, str(found.balance), str(found.held), str(found.allowance))
    Console().print(table)
