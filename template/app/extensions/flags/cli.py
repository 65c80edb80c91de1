"""`app flags`: the state of flags, and how it is changed."""

from typing import Annotated
from uuid import UUID

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_reader, with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.extensions.flags.models import Kind
from app.extensions.flags.service import changes, listing
from app.extensions.users.service import get_by_email

cli = typer.Typer(name="flags", no_args_is_help=True, help="Feature flags.")

VALUES = {"on": 100, "off": 0, "default": None}
Name = Annotated[str, typer.Argument(help="Name of the flag, as `app flags list` shows it.")]


@cli.command("list")
def list_() -> None:
    """Show all flags that the features declare."""
    found = with_reader(listing.list_flags)
    print_table(
        ("Flag", "State", "Exceptions", "Owner", "Expires", "Description"),
        *(
            (
                each.flag.name,
                each.state,
                str(each.exceptions),
                each.flag.owner,
                f"{each.flag.expires}{', expired' if each.is_expired else ''}",
                each.flag.description,
            )
            for each in found
        ),
    )


@cli.command("set")
def set_(
    name: Name,
    value: Annotated[
        str, typer.Argument(help="on, off, default, or the percentage of the users: 20.")
    ],
    user: Annotated[
        str | None, typer.Option(help="Only for this user: e-mail address or id.")
    ] = None,
    group: Annotated[UUID | None, typer.Option(help="Only for this group of users: id.")] = None,
) -> None:
    """Set a flag for everybody, or for one user or group. The first also ends `off`."""
    if value not in VALUES and not value.isdecimal():
        raise CliError(f"'{value}' is not a value: use on, off, default, or a percentage.")
    if user == "":
        # As from an empty variable of a shell: without the option, the flag would be set for all.
        raise CliError("--user is empty: give an e-mail address or an id.")
    if user and group:
        raise CliError("Use either --user or --group.")
    if (user or group) and value not in VALUES:
        raise CliError("A user or a group has on, off or default, and no percentage.")

    async def change(session: AsyncSession) -> None:
        if not user and not group:
            percentage = VALUES[value] if value in VALUES else changes.read_percentage(value)
            await changes.set_percentage(session, name, percentage)
            return
        kind, subject = Kind.GROUP, group
        if user:
            kind = Kind.USER
            subject = (await get_by_email(session, user)).id if "@" in user else _uuid(user)
        assert subject
        chosen = {"on": True, "off": False, "default": None}[value]
        await changes.set_override(session, name, kind, subject, chosen)

    with_session(change)
    typer.echo(f"{name}: {value}. All processes know it within FLAGS_CACHE_SECONDS.")


@cli.command()
def off(name: Name) -> None:
    """Switch a flag off for everybody, whatever else is set; `set` ends this."""
    with_session(lambda session: changes.switch_off(session, name))
    typer.echo(f"{name} is off. All processes know it within FLAGS_CACHE_SECONDS.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise CliError(f"'{text}' is neither an e-mail address nor an id.") from error
