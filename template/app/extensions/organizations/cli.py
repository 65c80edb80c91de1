"""`app organizations`: upkeep of organizations."""

from typing import Annotated

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.extensions.organizations.service import members, organizations
from app.extensions.users.service import get_by_email

cli = typer.Typer(name="organizations", no_args_is_help=True)


@cli.callback()
def group() -> None:
    """Organizations of users."""


@cli.command()
def personal() -> None:
    """Create the personal organizations that users lack, who signed up before there were any."""

    async def work(session: AsyncSession) -> int:
        return await organizations.create_missing(session)

    print(f"Created {with_session(work)} personal organizations.")


@cli.command()
def own(
    slug: Annotated[str, typer.Argument(help="Slug of the organization.")],
    email: Annotated[str, typer.Argument(help="E-mail address of the user.")],
) -> None:
    """Make a user owner of an organization, whose other owners may have no account any more."""

    async def work(session: AsyncSession) -> None:
        await members.own(session, slug, (await get_by_email(session, email)).id)

    with_session(work)
    print(f"{email} is an owner of {slug}.")
