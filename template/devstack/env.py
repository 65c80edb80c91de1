"""`.env`: written once with fresh secrets, then kept; and what it and the environment say."""

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


def fresh_secrets() -> dict[str, str]:
    """Make what this backend's own processes need."""
    return {"SECRET_KEY": secrets.token_urlsafe(48), **stack.fresh_values()}


def fresh_values() -> dict[str, str]:
    """Make new secrets, and keys and sign-ins for the local Supabase."""
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
    """Make sure that `.env` has every value the dev stack needs; never change one that is there.

    A new file starts from `.env.example`, so that its comments stay. With a SUPABASE_URL of their
    own, people bring their own keys and sign-ins.

    Returns:
        The names of the values that were written; empty if nothing was missing.

    Raises:
        DevStackError: `.env` or `.env.example` cannot be read.
    """
    path = root / ".env"
    example = root / ".env.example"
    text = read(path if path.exists() else example) if path.exists() or example.exists() else ""
    bindings = parse(path, text)
    values = {binding.key: binding.value for binding in bindings if binding.key}
    own = values.get("SUPABASE_URL") or os.environ.get("SUPABASE_URL")
    wanted = fresh_secrets() if own else fresh_values()
    missing = {name: value for name, value in wanted.items() if not values.get(name)}
    if path.exists() and not missing:
        return []
    write_private(path, fill(bindings, missing))
    return list(missing)


def load(root: Path) -> dict[str, str]:
    """Read `.env`, overruled by the environment; empty values count as absent.

    Raises:
        DevStackError: `.env` cannot be read.
    """
    path = root / ".env"
    bindings = parse(path, read(path)) if path.exists() else []
    values = {binding.key: binding.value for binding in bindings if binding.key}
    # Filtered before they are merged: an empty variable must not hide what the file says.
    return {
        name: value
        for source in (values, os.environ)
        for name, value in source.items()
        if name and value
    }


def service_file(root: Path) -> Path:
    """Where the addresses of what the dev stack started stand while it runs."""
    return root / ".dev" / "env"


def write_service_file(root: Path, addresses: Mapping[str, str]) -> None:
    """Tell other terminals where the services are; the settings of the app read this file."""
    head = "# Written by `app dev` while it runs, removed when it stops.\n"
    lines = [f"{name}={value}\n" for name, value in addresses.items()]
    write_private(service_file(root), head + "".join(lines))


def read(path: Path) -> str:
    """Read a settings file.

    Raises:
        DevStackError: it cannot be read, or is no UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DevStackError(
            f"{path} is not UTF-8 text (byte {error.start}); save it again as UTF-8."
        ) from None
    except OSError as error:
        raise DevStackError(
            f"{path} cannot be read ({error.strerror}); put its permissions right, or move it away "
            "and a new one is written."
        ) from None


def parse(path: Path, text: str) -> list[Binding]:
    """Split a settings file into its lines.

    Raises:
        DevStackError: a line is neither a comment nor NAME=value.
    """
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
    """Put `missing` into the blank lines of a file, and at its end what has no line there."""
    # The last line of a name is the one that counts.
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
