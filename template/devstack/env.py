"""`.env`: written once with new secrets, then kept. Also reads it together with the environment."""

import io
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from devstack import stack
from devstack.errors import DevStackError
from devstack.files import write_private

SERVICES = ("DATABASE_URL", "REDIS_URL", "SUPABASE_URL")

# Variables that Celery and uvicorn prefer to what the stack tells them.
_OVERRIDES = re.compile(
    r"APP|BROKER_URL|RESULT_BACKEND|LOADER|CONFIG_MODULE|SKIP_CHECKS|NO_COLOR|WEB_CONCURRENCY"
    r"|CELERY_(APP|BROKER|RESULT|LOADER|CONFIG|SKIP|WORKER|BEAT).*|UVICORN_.*"
)


def fresh_secrets() -> dict[str, str]:
    """Generate the secrets that the processes of this backend need."""
    return {"SECRET_KEY": secrets.token_urlsafe(48), **stack.fresh_values()}


def fresh_values() -> dict[str, str]:
    """Generate secrets, and the keys and first users of the local Supabase."""
    return {
        **fresh_secrets(),
        "SUPABASE_PUBLISHABLE_KEY": f"sb_publishable_{secrets.token_urlsafe(24)}",
        "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(24)}",
        "FIRST_ADMIN_EMAIL": "admin@example.com",
        "FIRST_ADMIN_PASSWORD": secrets.token_urlsafe(12),
        "DEMO_USER_EMAIL": "demo@example.com",
        "DEMO_USER_PASSWORD": secrets.token_urlsafe(12),
    }


def ensure_env_file(root: Path) -> list[str]:
    """Write the values that `.env` lacks; values that are there never change.

    A new file starts as a copy of `.env.example`, with its comments. If SUPABASE_URL is set, keys
    and users belong to that project and are not generated.

    Returns:
        The names of the values that were written.

    Raises:
        DevStackError: `.env` or `.env.example` cannot be read.
    """
    path = root / ".env"
    bindings = read_bindings(path if path.exists() else root / ".env.example")
    values = {binding.key: binding.value for binding in bindings if binding.key}
    has_supabase = values.get("SUPABASE_URL") or os.environ.get("SUPABASE_URL")
    required = fresh_secrets() if has_supabase else fresh_values()
    missing = {name: value for name, value in required.items() if not values.get(name)}
    if path.exists() and not missing:
        return []
    write_private(path, fill(bindings, missing))
    return list(missing)


def load(root: Path) -> dict[str, str]:
    """Read `.env` and the environment, which takes precedence; empty values count as missing.

    Raises:
        DevStackError: `.env` cannot be read.
    """
    # Filtered before they are merged: an empty variable must not hide the value of the file.
    return {
        name: value
        for source in (read_values(root / ".env"), os.environ)
        for name, value in source.items()
        if value
    }


def of_children() -> dict[str, str]:
    """Return the environment for the processes of the app, without variables of other programs.

    It has no values of `.env`: each process reads that file at its start.
    """
    return {name: each for name, each in os.environ.items() if not _OVERRIDES.fullmatch(name)}


def service_file(root: Path) -> Path:
    """Return the path of the file with the addresses of the services that run now."""
    return root / ".dev" / "env"


def write_service_file(root: Path, addresses: Mapping[str, str]) -> None:
    """Write the addresses of the services, for the settings of the app in other terminals."""
    head = "# Written by `app dev` while it runs, removed when it stops.\n"
    lines = [f"{name}={value}\n" for name, value in addresses.items()]
    write_private(service_file(root), head + "".join(lines))


def read_values(path: Path) -> dict[str, str]:
    """Read the values of a settings file; none if there is no file.

    Raises:
        DevStackError: see `read_bindings`.
    """
    return {each.key: each.value or "" for each in read_bindings(path) if each.key}


def read_bindings(path: Path) -> list[Binding]:
    """Split a settings file into its lines; none if there is no file.

    Raises:
        DevStackError: the file cannot be read, or a line is neither a comment nor NAME=value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise DevStackError(
            f"{path} is not UTF-8 text (byte {error.start}). Save it again as UTF-8."
        ) from None
    except OSError as error:
        raise DevStackError(
            f"{path} cannot be read ({error.strerror}). Correct its permissions, or move it away "
            "to get a new one."
        ) from None
    bindings = list(parse_stream(io.StringIO(text)))
    for binding in bindings:
        if binding.error:
            leading = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string.count("\n", 0, leading)
            raise DevStackError(
                f"{path}, line {line}: expected NAME=value or a comment that starts with #."
            )
    return bindings


def fill(bindings: list[Binding], missing: Mapping[str, str]) -> str:
    """Return the text of a file with `missing` in its empty lines, or at its end.

    `dotenv.set_key` is no replacement: it drops `export` and the comment behind a value.
    """
    # If a name has several lines, the last one counts.
    places = {binding.key: number for number, binding in enumerate(bindings)}
    parts = [binding.original.string for binding in bindings]
    unplaced = []
    for name, value in missing.items():
        if name in places:
            assignment = re.compile(rf"(\b{name}[^\S\n]*)(=[^\S\n]*)?(\"\"|'')?")
            number = places[name]
            parts[number] = assignment.sub(rf"\g<1>={value}", parts[number], count=1)
        else:
            unplaced.append(f"{name}={value}\n")
    text = "".join(parts)
    if text and not text.endswith("\n"):
        text += "\n"
    if unplaced and text:
        text += "\n# Added by `app dev`.\n"
    return text + "".join(unplaced)
