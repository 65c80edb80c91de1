"""Values that name a secret in a store instead of holding it. They are read at the start.

| Value | Read by |
|---|---|
| `op://VAULT/ITEM/FIELD` | the program `op` of 1Password |
| `doppler://PROJECT/CONFIG/NAME` | the program `doppler` |
| `infisical://PROJECT-ID/ENVIRONMENT/[FOLDER/]NAME` | the program `infisical` |
| `file:///run/secrets/NAME` | this process |

The programs find their own credentials. Each value is read once in a process.
"""

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.core.redaction import remember

SECONDS = 30
MAX_BYTES = 64 * 1024

_SCHEMES = re.compile(r"(op|doppler|infisical|file)://")
# None starts with `-`, which a program would read as an option.
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")


def is_reference(value: object) -> bool:
    """Return whether a value of a setting names a secret."""
    return isinstance(value, str) and bool(_SCHEMES.match(value))


@cache
def resolve(reference: str) -> str:
    """Return the secret that a reference names.

    Raises:
        ValueError: it cannot be read. The message has nothing of the secret.
    """
    scheme = reference.partition(":")[0]
    value = _read_file(reference) if scheme == "file" else _run(_command(scheme, reference))
    secret = value.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ValueError(f"{reference} is empty")
    remember([secret])
    return secret


def _command(scheme: str, reference: str) -> list[str]:
    """Return the command that prints a secret."""
    parts = reference.partition("://")[2].split("/")
    if any(not _PART.fullmatch(part) for part in parts):
        raise ValueError(f"{reference} is not a valid reference")
    match scheme, parts:
        case "op", [_, _, *fields] if fields:
            return ["op", "read", "--no-newline", reference]
        case "doppler", [project, config, name]:
            options = ["--plain", "--project", project, "--config", config]
            return ["doppler", "secrets", "get", name, *options]
        case "infisical", [project, environment, *folders, name]:
            options = ["--projectId", project, "--env", environment]
            options += ["--path", f"/{'/'.join(folders)}", "--plain", "--silent"]
            return ["infisical", "secrets", "get", name, *options]
    raise ValueError(f"{reference} has too few or too many parts")


def _run(command: list[str]) -> str:
    program = command[0]
    try:
        done = subprocess.run(  # noqa: S603 - a list of checked parts, and no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise ValueError(f"the program {program} is not installed") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"{program} has not answered within {SECONDS} seconds") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{program} cannot be used ({type(error).__name__})") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ValueError(f"{program} has failed: {lines[-1][:200]}")
    return done.stdout


def _read_file(reference: str) -> str:
    url = urlsplit(reference)
    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise ValueError(f"{reference} needs three slashes and an absolute path")
    try:
        with Path(unquote(url.path)).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ValueError(f"{reference} cannot be read ({reason})") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{reference} is larger than {MAX_BYTES // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{reference} is not UTF-8 text") from None
