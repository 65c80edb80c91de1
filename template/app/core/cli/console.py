"""`app console`: Python with the project loaded."""

import code
from typing import Any

import typer

cli = typer.Typer()


@cli.command()
def console() -> None:
    """Open Python with `settings`, `session` (sync) and every table's class at hand."""
    from sqlmodel import select

    from app.core.database import sync_session
    from app.core.database.models import Model
    from app.core.features import load_models
    from app.core.settings import get_settings

    load_models()
    with sync_session() as session:
        names: dict[str, Any] = {"settings": get_settings(), "session": session, "select": select}
        names |= {kind.__name__: kind for kind in _tables(Model)}
        _complete(names)
        code.interact(banner=f"At hand: {', '.join(names)}", local=names, exitmsg="")


def _tables(base: type[Any]) -> list[type[Any]]:
    children: list[type[Any]] = base.__subclasses__()
    found = [kind for kind in children if hasattr(kind, "__table__")]
    return found + [table for kind in children for table in _tables(kind)]


def _complete(names: dict[str, Any]) -> None:
    try:
        import readline
        import rlcompleter
    except ImportError:  # Windows has none
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
