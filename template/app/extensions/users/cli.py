"""`app user`: the users of this backend."""

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_reader, with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.settings import get_settings
from app.core.supabase.auth import create_user, find_user
from app.core.supabase.clients import Supabase, with_supabase
from app.extensions.users import service
from app.extensions.users.models import Role, Status, User
from app.extensions.users.schemas import UserQuery, UserRead

cli = typer.Typer(name="user", no_args_is_help=True, help="The users of this backend.")

Email = Annotated[str, typer.Argument(help="E-mail address of the user.")]
Value = TypeVar("Value", Role, Status)


@cli.command()
def create(
    email: Email,
    password: Annotated[
        str | None, typer.Option(envvar="USER_PASSWORD", help="Without it, the command asks.")
    ] = None,
    role: Annotated[
        Role | None,
        typer.Option(help="Role; without it, an existing user keeps theirs."),
    ] = None,
) -> None:
    """Create a user in Supabase Auth, unless it exists there, and approve a new user here."""

    async def in_auth(supabase: Supabase) -> UUID:
        if found := await find_user(supabase, email):
            return found.id
        if not password and not sys.stdin.isatty():
            raise CliError("There is no terminal to ask for the password in: set USER_PASSWORD.")
        secret = password or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return await create_user(supabase, email, secret)

    user_id = with_supabase(in_auth)

    async def work(session: AsyncSession) -> User:
        user, _ = await service.get_or_create(session, user_id, email.lower(), Status.APPROVED)
        return await service.set_role(session, user.id, role) if role else user

    _show(with_session(work))


@cli.command("list")
def list_users(
    search: Annotated[str | None, typer.Option(help="Part of the address or name.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only users with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
) -> None:
    """List users, newest first."""
    query = UserQuery(search=search, status=status, limit=limit)
    _show(*with_reader(lambda reader: service.USERS.page(reader, query)).items)


@cli.command()
def promote(email: Email) -> None:
    """Make a user admin."""
    _change(email, service.set_role, Role.ADMIN)


@cli.command()
def approve(email: Email) -> None:
    """Approve a user."""
    _change(email, service.set_status, Status.APPROVED)


@cli.command()
def suspend(email: Email) -> None:
    """Lock a user out until the user is approved again."""
    _change(email, service.set_status, Status.SUSPENDED)


@cli.command()
def delete(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a user here and in Supabase Auth, with all data that belongs to the user."""
    user = with_session(lambda session: service.get_by_email(session, email))
    if not yes:
        typer.confirm(f"Delete {email} with all data? Nobody can undo this.", abort=True)

    async def work(session: AsyncSession) -> None:
        async with Supabase(get_settings()) as supabase:
            await service.delete_account(session, supabase, user.id, by_operator=True)

    with_session(work)
    print(f"Deleted {email}")


def _change(
    email: str,
    setter: Callable[[AsyncSession, UUID, Value], Awaitable[User]],
    value: Value,
) -> None:
    async def work(session: AsyncSession) -> User:
        user = await service.get_by_email(session, email)
        return await setter(session, user.id, value)

    _show(with_session(work))


def _show(*users: User | UserRead) -> None:
    print_table(
        ("E-mail", "Name", "Role", "Status", "Since"),
        *(
            (each.email, each.display_name, each.role, each.status, each.created_at)
            for each in users
        ),
    )
