"""`app organizations-api-keys`: the keys of organizations, for operators."""

from typing import Annotated

import typer
from pydantic import ValidationError

from app.core.cli.database import with_session
from app.core.cli.errors import invalid_option
from app.core.cli.output import print_table
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.organizations_api_keys import service

cli = typer.Typer(
    name="organizations-api-keys",
    no_args_is_help=True,
    help="Keys of organizations; `app api-keys` rotates and revokes them.",
)

Slug = Annotated[str, typer.Argument(help="Slug of the organization.")]


@cli.command()
def create(
    slug: Slug,
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
    key, text = with_session(lambda session: service.create_as_operator(session, slug, values))
    # Only the key goes to standard output, so that a script can store it.
    typer.echo(f"Key {key.id}, valid until {key.expires_at:%Y-%m-%d %H:%M} UTC:", err=True)
    typer.echo(text)


@cli.command("list")
def show(slug: Slug) -> None:
    """List the keys of an organization, newest first."""
    print_table(
        ("Id", "Key", "Name", "Scopes", "Expires", "Revoked", "Last used"),
        *(
            (
                key.id,
                f"{key.start}…",
                key.name,
                " ".join(key.scopes),
                key.expires_at,
                key.revoked_at,
                key.last_used_at,
            )
            for key in with_session(lambda session: service.list_of(session, slug))
        ),
    )
