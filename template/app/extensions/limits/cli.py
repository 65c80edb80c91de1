"""`app limits`: who is at a limit."""

from typing import Annotated
from uuid import UUID

import typer

from app.core.cli.database import with_reader, with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.database import Reader
from app.core.errors import NotFoundError
from app.core.http.addresses import network_of
from app.extensions.limits import service
from app.extensions.users import service as users

cli = typer.Typer(name="limits", no_args_is_help=True, help="Limits on requests.")


@cli.command()
def show() -> None:
    """List the users, addresses and others whose last request was refused."""
    refused = service.list_refused()

    async def emails(reader: Reader) -> dict[str, str]:
        found = {}
        for each in refused:
            if each.kind == "user" and each.caller not in found:
                try:
                    row = await users.get_row(reader, UUID(each.caller))
                except NotFoundError:
                    continue
                found[each.caller] = row["email"] or each.caller
        return found

    known = with_reader(emails) if refused else {}
    print_table(
        ("Limit", "Kind", "Caller", "Refused at"),
        *(
            (
                each.limit,
                each.kind,
                known.get(each.caller, each.caller),
                f"{each.refused_at:%H:%M:%S}",
            )
            for each in refused
        ),
    )


@cli.command()
def reset(
    caller: Annotated[
        str,
        typer.Argument(help="E-mail address of a user, IP address, or an id that `show` lists."),
    ],
) -> None:
    """Let a caller in again at once."""
    if "@" in caller:
        email = caller
        caller = str(with_session(lambda session: users.get_by_email(session, email)).id)
    lifted = service.reset(network_of(caller))
    if not lifted:
        raise CliError(f"{caller} is at no limit. `uv run app limits show` lists who is.")
    typer.echo(f"Limits lifted: {lifted}")
