"""`app api-keys`: the keys of users, for operators."""

from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import invalid_option
from app.core.cli.output import print_table
from app.core.database.models import utcnow
from app.extensions.api_keys import service
from app.extensions.api_keys.models import ApiKey
from app.extensions.api_keys.schemas import ApiKeyCreate, ApiKeyRotate
from app.extensions.api_keys.service import COMMAND_LINE
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead

cli = typer.Typer(name="api-keys", no_args_is_help=True, help="Keys of machines.")

KeyId = Annotated[UUID, typer.Argument(help="Id of the key, see `list`.")]


@cli.command()
def create(
    email: Annotated[str, typer.Argument(help="E-mail address of the user it acts for.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="Such as items:read; several are possible.")],
    days: Annotated[
        int | None, typer.Option(help="Validity; default: API_KEYS_DEFAULT_DAYS.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="Address or network that may use it; default: all.")
    ] = None,
) -> None:
    """Create a key and print it. It is not shown again."""
    try:
        values = ApiKeyCreate.model_validate(
            {"name": name, "scopes": scope, "expires_in_days": days, "networks": network or []}
        )
    except ValidationError as error:
        raise invalid_option(error) from error

    async def work(session: AsyncSession) -> tuple[ApiKey, str]:
        user = await users.get_by_email(session, email)
        users.ensure_active(UserRead.model_validate(user))
        return await service.create(session, user.id, values, address=COMMAND_LINE)

    _print_new(*with_session(work))


@cli.command("list")
def show(
    email: Annotated[
        str | None, typer.Argument(help="E-mail address of a user; default: all users.")
    ] = None,
) -> None:
    """List keys, newest first."""

    async def work(session: AsyncSession) -> list[ApiKey]:
        owner_id = (await users.get_by_email(session, email)).id if email else None
        return list(await service.list_of(session, owner_id))

    print_table(
        ("Id", "Key", "Name", "Scopes", "Attributes", "State", "Expires", "Last used", "From"),
        *(
            (
                key.id,
                f"{key.start}…",
                key.name,
                " ".join(key.scopes),
                " ".join(f"{name}={value}" for name, value in key.attributes.items()),
                _state(key),
                key.expires_at,
                key.last_used_at,
                key.last_used_from,
            )
            for key in with_session(work)
        ),
    )


@cli.command()
def rotate(
    key_id: KeyId,
    overlap_hours: Annotated[
        int | None,
        typer.Option(
            help="Hours for which the old key stays valid; default: API_KEYS_OVERLAP_HOURS."
        ),
    ] = None,
) -> None:
    """Replace a key by one with the same rights, and print that. It is not shown again."""
    try:
        hours = ApiKeyRotate(overlap_hours=overlap_hours).overlap_hours
    except ValidationError as error:
        raise invalid_option(error) from error
    _print_new(
        *with_session(
            lambda session: service.rotate(session, None, key_id, hours, address=COMMAND_LINE)
        )
    )


@cli.command()
def revoke(key_id: KeyId) -> None:
    """End a key; every process refuses it after API_KEYS_CACHE_SECONDS."""
    key = with_session(lambda session: service.revoke(session, None, key_id, address=COMMAND_LINE))
    typer.echo(f"Revoked: {key.start}… ({key.name})")


def _print_new(key: ApiKey, text: str) -> None:
    # Only the key goes to standard output, so that a script can store it.
    typer.echo(f"Key {key.id}, valid until {key.expires_at:%Y-%m-%d %H:%M} UTC:", err=True)
    typer.echo(text)


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at <= utcnow():
        return "expired"
    return "replaced" if key.replaced_by else "valid"
