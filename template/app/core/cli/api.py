"""`app routes` and `app openapi`: the paths of the API and their description.

The API is imported in the commands: its import takes a second, which other commands do not need.
"""

import asyncio
import inspect
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.core.cli.output import print_table
from app.core.features import load
from app.core.settings import check_settings, project_settings

cli = typer.Typer()

# Any required setting accepts one of these. The document contains none of them.
STAND_INS = (
    *("https://localhost", "postgresql://localhost/app", "redis://localhost"),
    *("x" * 32, "1", "[]", "{}"),
)


@cli.command()
def routes() -> None:
    """List every path that the API answers, with the function and its place in the code."""
    from app.main import app

    async def found() -> list[tuple[str, str, str, str]]:
        # Features may add routes when the API starts. Starting it opens no connection.
        async with app.router.lifespan_context(app):
            return list(rows_of(app.routes))

    print_table(("Methods", "Path", "Function", "File"), *asyncio.run(found()))


def rows_of(routes: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield methods, path, function and place of each route, also of mounted applications."""
    from fastapi.routing import iter_route_contexts

    for route in iter_route_contexts(routes):
        path = f"{prefix}{route.path or ''}"
        if inner := getattr(route, "routes", None):
            yield from rows_of(inner, path)
        elif route.endpoint:
            methods = ",".join(sorted(route.methods or ["WEBSOCKET"]))
            yield methods, path, *_place(route.endpoint)
        elif hasattr(route, "app"):  # a mounted application without routes, such as static files
            yield "*", f"{path}/*", *_place(type(route.app))


def _place(endpoint: Any) -> tuple[str, str]:
    function = inspect.unwrap(getattr(endpoint, "func", endpoint))  # a `partial` has `func`
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function).__call__
    file, (_, line) = Path(inspect.getfile(function)), inspect.getsourcelines(function)
    here = Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return function.__qualname__, f"{shown}:{line}"


@cli.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; default: print it.")] = None,
) -> None:
    """Write the OpenAPI document, for generators of API clients; no setting is necessary."""
    _complete_settings()
    from app.main import app

    text = json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


def _complete_settings() -> None:
    """Give each setting that is missing or wrong the first stand-in that it accepts."""
    groups = (project_settings(), *(group for _, group in load("settings")))
    if check_settings(*groups):
        os.environ["ENVIRONMENT"] = "local"  # others require more
    for name, _ in check_settings(*groups):
        for value in STAND_INS:
            os.environ[name] = value
            if name not in dict(check_settings(*groups)):
                break
