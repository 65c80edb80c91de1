"""`app console`: Python with the project loaded."""

import code
import contextlib
from typing import Any

import typer
from sqlmodel import select
from sqlmodel.main import default_registry

from app.core.database import sync_session
from app.core.features import load_models
from app.core.settings import get_settings

cli = typer.Typer()


@cli.command()
def console() -> None:
    """Open Python with `settings`, `session` (sync), `select` and the class of every table."""
    load_models()
    with sync_session() as session:
        names: dict[str, Any] = {"settings": get_settings(), "session": session, "select": select}
        names |= {mapper.class_.__name__: mapper.class_ for mapper in default_registry.mappers}
        with contextlib.suppress(ImportError):  # Windows has no readline
            import readline
            import rlcompleter

            readline.set_completer(rlcompleter.Completer(names).complete)
            readline.parse_and_bind("tab: complete")
        code.interact(banner=f"Available: {', '.join(names)}", local=names, exitmsg="")
