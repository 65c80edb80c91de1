"""`app console`: Python with the project loaded and `await` at the top level."""

import ast
import asyncio
import code
import contextlib
import inspect
import sys
import traceback
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import typer
from sqlmodel import select
from sqlmodel.main import default_registry

from app.core.cli import logs
from app.core.cli.errors import user_message
from app.core.database import Database, async_engine, sync_session
from app.core.features import load_all_settings, load_models
from app.core.tasks.application import configure_celery

cli = typer.Typer()

AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@cli.command()
def console() -> None:
    """Open Python with `await`, a `session` and all tables; or run code from standard input.

    `session` and `reader` are those of services, `sync_session` is that of tasks.
    """
    settings = load_all_settings()
    logs.configure()
    configure_celery(settings)  # a service may enqueue a task
    load_models()
    database = Database(async_engine(settings))
    session = database.session()
    names: dict[str, Any] = {"settings": settings, "session": session, "reader": database.reader}
    # One event loop, because connections cannot leave theirs.
    with asyncio.Runner() as runner, sync_session() as names["sync_session"]:
        names["select"] = select
        names |= {mapper.class_.__name__: mapper.class_ for mapper in default_registry.mappers}

        def run(code: CodeType) -> None:
            result = FunctionType(code, names)()
            if inspect.iscoroutine(result):
                runner.run(result)

        try:
            if sys.stdin.isatty():
                _Console(names, run).interact(f"Available: {', '.join(names)}", exitmsg="")
            else:
                try:
                    run(compile(sys.stdin.read(), "<stdin>", "exec", AWAIT))
                except Exception as error:
                    if user_message(error):
                        raise
                    _print_error(error, "<stdin>")
                    raise typer.Exit(1) from error
        finally:
            runner.run(session.close())
            runner.run(database.close())


class _Console(code.InteractiveConsole):
    """The standard console, which also compiles `await`."""

    def __init__(self, names: dict[str, Any], run: Callable[[CodeType], None]) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= AWAIT
        self.run = run
        with contextlib.suppress(ImportError):  # Windows has no readline
            import readline
            import rlcompleter

            readline.set_completer(rlcompleter.Completer(names).complete)
            readline.parse_and_bind("tab: complete")

    def runcode(self, code: CodeType) -> None:
        """Run one statement; an error or Ctrl-C does not end the console."""
        try:
            self.run(code)
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001
            _print_error(error, self.filename)


def _print_error(error: BaseException, file: str) -> None:
    """Print an error with its frames from the user's code on, without those that ran this code."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != file:
        trace = trace.tb_next
    traceback.print_exception(error.with_traceback(trace))
