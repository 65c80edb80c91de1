"""`app api-keys-limits`: rates of single keys, for operators."""

from typing import Annotated
from uuid import UUID

import typer

from app.core.cli.database import with_session
from app.extensions.api_keys.service import COMMAND_LINE
from app.extensions.api_keys_limits import service

cli = typer.Typer(name="api-keys-limits", no_args_is_help=True, help="Rates of single keys.")

KeyId = Annotated[UUID, typer.Argument(help="Id of the key, see `app api-keys list`.")]


@cli.command("set")
def set_(
    key_id: KeyId,
    rate: Annotated[str, typer.Argument(help="Such as 1000/hour; it replaces LIMITS_DEFAULT.")],
) -> None:
    """Give a key a rate of its own; every process uses it after API_KEYS_CACHE_SECONDS."""
    _set(key_id, rate)


@cli.command()
def clear(key_id: KeyId) -> None:
    """Let a key have the default rate of its owner's tier again."""
    _set(key_id, None)


def _set(key_id: UUID, rate: str | None) -> None:
    key = with_session(
        lambda session: service.set_rate(session, key_id, rate, address=COMMAND_LINE)
    )
    typer.echo(f"{key.start}… ({key.name}): {rate or 'the default'}")
