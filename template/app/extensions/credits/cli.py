"""`app credits`: commands for accounts and rates."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.database import sync_session
from app.extensions.credits.models import Unfinished
from app.extensions.credits.schemas import MAX_AMOUNT, BalanceRead, RateCreate
from app.extensions.credits.service import accounts, entries, holders, rates
from app.extensions.credits.service.verify import find_discrepancies
from app.extensions.users import service as users

cli = typer.Typer(name="credits", no_args_is_help=True, help="Balances and prices.")

Result = TypeVar("Result")

Email = Annotated[str, typer.Argument(help="E-mail address of the user, or another holder.")]
Reason = Annotated[str, typer.Option(help="Reason; the owner sees it, and the ledger stores it.")]
Key = Annotated[
    str | None,
    typer.Option(help="Idempotency key: a repeated command with the same key counts once."),
]


@cli.command()
def verify() -> None:
    """Compare every balance with its ledger and holds; exit code 1 if there is a discrepancy."""
    with sync_session() as session:
        found = find_discrepancies(session)
    for each in found:
        print(
            f"{each.user_id}  balance {each.balance}, ledger {each.ledger};  "
            f"held {each.held}, holds {each.holds};  entries {each.entries}, "
            f"counted {each.counted}, wrong balance after {each.unchained}"
        )
    if found:
        raise CliError(
            f"Accounts with discrepancies: {len(found)}. The usual cause is a change of the tables "
            "by hand. Find it, then correct the balance with `app credits adjust`."
        )
    print("All balances equal their ledgers, and all held credits equal their holds.")


@cli.command()
def balance(email: Email) -> None:
    """Show a balance."""
    _show(_with_user(email, accounts.get_balance))


@cli.command()
def grant(
    email: Email,
    amount: Annotated[int, typer.Argument(min=1, max=MAX_AMOUNT, help="Credits.")],
    reason: Reason = "Grant",
    key: Key = None,
) -> None:
    """Grant credits."""
    _with_user(email, lambda session, user: entries.grant(session, user, amount, reason, key=key))
    balance(email)


@cli.command(context_settings={"ignore_unknown_options": True})
def adjust(
    email: Email,
    amount: Annotated[
        int, typer.Argument(min=-MAX_AMOUNT, max=MAX_AMOUNT, help="Credits, such as -5.")
    ],
    reason: Reason = "Correction",
    key: Key = None,
) -> None:
    """Correct a balance, up or down."""
    _with_user(email, lambda session, user: entries.adjust(session, user, amount, reason, key=key))
    balance(email)


@cli.command()
def tier(email: Email, name: Annotated[str, typer.Argument(help="Name of the tier.")]) -> None:
    """Move an account to another tier."""
    _show(_with_user(email, lambda session, user: accounts.set_tier(session, user, name)))


@cli.command("rates")
def list_rates() -> None:
    """List the current rates."""
    with sync_session() as session:
        current = rates.list_current(session)
    print_table(
        ("Operation", "Tier", "Fixed", "Per unit", "Unfinished", "Since"),
        *(
            (r.operation, r.tier or "all", r.fixed, r.per_unit, r.unfinished, r.valid_from)
            for r in current
        ),
    )


@cli.command("rate")
def set_rate(
    operation: Annotated[str, typer.Argument(help="Name of the operation, such as docs.embed.")],
    fixed: Annotated[int, typer.Option(min=0, help="Credits for each use.")] = 0,
    per_unit: Annotated[int, typer.Option(min=0, help="Credits for each unit.")] = 0,
    tier: Annotated[str | None, typer.Option(help="Tier; default: all.")] = None,
    unfinished: Annotated[
        Unfinished, typer.Option(help="How a charge ends whose process died.")
    ] = Unfinished.RELEASE,
) -> None:
    """Set the price of an operation from now on."""
    try:
        values = RateCreate(
            operation=operation, tier=tier, fixed=fixed, per_unit=per_unit, unfinished=unfinished
        )
    except ValueError as error:
        raise CliError(
            "The rate is not valid: an operation is written like docs.embed, a tier like premium, "
            "and a price is at most 1000000000."
        ) from error
    with sync_session() as session:
        rates.set_rate(session, values)
    list_rates()


def _with_user(email: str, work: Callable[[Session, UUID], Result]) -> Result:
    async def run(session: AsyncSession) -> Result:
        holder = await session.run_sync(holders.find, email)
        if holder is None:
            holder = (await users.get_by_email(session, email)).id
        result = await session.run_sync(work, holder)
        await session.commit()
        return result

    return with_session(run)


def _show(found: BalanceRead) -> None:
    print_table(
        ("Tier", "Balance", "Held", "Allowance"),
        (found.tier, found.balance, found.held, found.allowance),
    )
