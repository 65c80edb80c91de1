"""`app organizations`: upkeep of organizations."""

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.extensions.organizations.service import organizations

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
