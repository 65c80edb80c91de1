"""`app flower`."""

from socket import socket
from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.core.features import load_all_settings
from app.core.logging import configure_logging
from app.core.settings import load_settings
from app.core.tasks.application import configure_celery
from app.extensions.flower.settings import FlowerSettings

cli = typer.Typer(name="flower", invoke_without_command=True)


@cli.callback()
def flower(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5555,
    fd: Annotated[int | None, typer.Option(help="Open socket to use instead.")] = None,
) -> None:
    """Serve a page that shows workers and tasks."""
    # Slow to import, and only this command needs them.
    from tornado.netutil import bind_sockets

    from app.extensions.flower.server import serve

    settings = load_all_settings()
    page = load_settings(FlowerSettings)
    if page.password is None:
        raise CliError("FLOWER_PASSWORD is not set. Set it to 16 random characters or more.")
    try:
        sockets = bind_sockets(port, host) if fd is None else [_inherited(fd)]
    except OSError as error:
        place, advice = f"{host}:{port}", "Choose another --port."
        if fd is not None:
            place, advice = f"socket {fd}", "Pass the number of an open socket, or omit --fd."
        raise CliError(f"Flower cannot listen on {place} ({error.strerror}). {advice}") from error
    configure_logging(settings)
    serve(configure_celery(settings), sockets, page.user, page.password.get_secret_value())


def _inherited(fd: int) -> socket:
    opened = socket(fileno=fd)
    opened.setblocking(False)  # Tornado requires this
    return opened
