"""`app billing`: the catalogue at Stripe."""

import asyncio
from typing import Annotated

import stripe
import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.extensions.billing.service import catalogue_sync
from app.extensions.billing.service.catalogue import catalogue
from app.extensions.billing.service.catalogue_sync import Change
from app.extensions.billing.service.client import stripe_client
from app.extensions.billing.tasks import replay

cli = typer.Typer(name="billing", no_args_is_help=True, help="Plans and prices at Stripe.")


@cli.command()
def check() -> None:
    """Say what differs between app/plans.py and Stripe; exit code 1 if anything does."""
    found = _run(_differences())
    _show(found)
    if found:
        raise CliError("Stripe differs from app/plans.py: run `app billing sync`.")


@cli.command()
def sync(
    *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the changes.")] = False
) -> None:
    """Show what differs, and write it to Stripe. It never deletes anything there."""
    found = _run(_differences())
    _show(found)
    if not found:
        return
    if not yes:
        typer.confirm("Write this to Stripe?", abort=True)
    _run(_apply(found))
    print(f"Written: {len(found)}.")


@cli.command("replay")
def replay_event(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Its id at Stripe, evt_…")],
) -> None:
    """Process a stored event again; what it is about is read anew."""

    async def work(session: AsyncSession) -> None:
        await replay(session, event)
        await session.commit()

    with_session(work)
    print(f"Enqueued: {event}.")


def _show(changes: list[Change]) -> None:
    if changes:
        rows = ((change.what, change.key, change.details) for change in changes)
        print_table(("What", "Key", "Details"), *rows)
    else:
        print("Stripe has all plans and packs of app/plans.py.")


async def _differences() -> list[Change]:
    async with stripe_client() as client:
        return await catalogue_sync.differences(client, catalogue())


async def _apply(changes: list[Change]) -> list[Change]:
    async with stripe_client() as client:
        for change in changes:
            await catalogue_sync.apply(client, change)
    return changes


def _run(work: object) -> list[Change]:
    try:
        return asyncio.run(work)  # type: ignore[arg-type]
    except stripe.StripeError as error:
        raise CliError(f"Stripe refuses the request: {error.user_message or error}") from error
