"""`app web`: installs, runs, builds and checks the frontend in `web/`.

Every command first generates the client of the API, so that it is never older than the API.
"""

import json
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Annotated

import typer
from watchfiles import PythonFilter, watch

from app.core.cli.errors import CliError
from devstack.checks import Check, installed
from devstack.errors import DevStackError
from devstack.node import Node, find_node, web_folder, write_client

cli = typer.Typer(name="web", no_args_is_help=True, help="The frontend in web/.")

ROOT = Path(__file__).absolute().parents[2]
# What the commands write, besides node_modules and the client.
GENERATED = ("build", ".react-router", "openapi.json", "app/client")
UNDECIDED = 2

CHECKS = (
    Check(
        "known vulnerabilities of npm packages",
        installed("app", "web", "audit"),
        "uv run app web npm audit fix",
        skipped=UNDECIDED,
        reason="see the message above",
    ),
)


@cli.command()
def install(
    locked: Annotated[
        bool, typer.Option("--locked", help="Install exactly what package-lock.json says, as CI.")
    ] = False,
) -> None:
    """Install the packages; the first time, this writes package-lock.json, to be committed."""
    node = _node()
    _npm(node, "ci" if locked else "install")
    _client(node)


@cli.command()
def client() -> None:
    """Generate the client from the API's description, if it is not current."""
    _client(_installed())


@cli.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the page.")] = 5173,
    api: Annotated[str, typer.Option(help="Address of the API.")] = "http://127.0.0.1:8000",
) -> None:
    """Run Vite, which reloads what changes; `app dev` does it beside the API."""
    node = _installed()
    _client(node)
    vite = subprocess.Popen(
        [
            *(node.program, "node_modules/.bin/react-router", "dev"),
            *("--port", str(port), "--strictPort"),
        ],
        cwd=web_folder(ROOT),
        env=node.environment({"API_URL": api}),
    )
    # Ctrl-C reaches both, and a signal of a supervisor reaches this process only.
    signal.signal(signal.SIGTERM, lambda *_: vite.terminate())
    threading.Thread(target=_follow_api, args=(node,), daemon=True).start()
    raise typer.Exit(vite.wait())


@cli.command()
def build() -> None:
    """Build what the backend serves in production, with compressed copies and the policy."""
    node = _installed()
    _client(node)
    _npm(node, "run", "--silent", "build")


@cli.command()
def test() -> None:
    """Run the tests of components and functions (Vitest)."""
    node = _installed()
    _client(node)
    _npm(node, "run", "--silent", "test")


@cli.command()
def lint(
    fix: Annotated[bool, typer.Option("--fix", help="Correct what can be corrected.")] = False,
) -> None:
    """Check types, style and format (tsc, ESLint, Prettier)."""
    node = _installed()
    _client(node)
    # First, because it writes the types of the routes, without which ESLint knows no page.
    _npm(node, "run", "--silent", "types")
    _npm(node, "run", "--silent", "lint-fix" if fix else "lint")


@cli.command()
def audit() -> None:
    """Look for severe vulnerabilities that are known, in the packages of the lock file.

    The exit code is 2 if that cannot be decided, such as without a network.
    """
    if not (web_folder(ROOT) / "package-lock.json").exists():
        typer.echo("There is no web/package-lock.json: run `uv run app web install`.")
        raise typer.Exit(UNDECIDED)
    done = _node().read("audit", "--package-lock-only", "--json", cwd=web_folder(ROOT))
    report = json.loads(done.stdout or "{}")
    if "vulnerabilities" not in report:
        typer.echo(
            f"npm could not ask for vulnerabilities; repeat it with a network.\n{done.stderr}"
        )
        raise typer.Exit(UNDECIDED)
    found = report["vulnerabilities"].values()
    severe = [each for each in found if each["severity"] in ("high", "critical")]
    for each in severe:
        typer.echo(f"{each['name']} {each['range']}: {each['severity']}")
    if severe:
        raise CliError("See `uv run app web npm audit`.")
    typer.echo(f"No severe vulnerability is known; {len(report['vulnerabilities'])} others are.")


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def npm(context: typer.Context) -> None:
    """Run npm with the Node of the project, as in `app web npm install NAME`."""
    _npm(_node(), *context.args)


@cli.command()
def clean() -> None:
    """Delete what the other commands write; keep the packages."""
    for name in GENERATED:
        path = web_folder(ROOT) / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _node() -> Node:
    try:
        return find_node()
    except DevStackError as error:
        raise CliError(str(error)) from None


def _installed() -> Node:
    if not (web_folder(ROOT) / "node_modules").is_dir():
        raise CliError("The packages are not installed: run `uv run app web install`.")
    return _node()


def _npm(node: Node, *arguments: str) -> None:
    if code := node.run(*arguments, cwd=web_folder(ROOT)):
        raise typer.Exit(code)


def _client(node: Node) -> None:
    try:
        write_client(ROOT, node)
    except DevStackError as error:
        raise CliError(str(error)) from None


def _follow_api(node: Node) -> None:
    """Generate the client again after each change of the API; Vite notices that by itself."""
    for _ in watch(ROOT / "app", watch_filter=PythonFilter()):
        try:
            write_client(ROOT, node)
        except DevStackError as error:
            typer.echo(error, err=True)
