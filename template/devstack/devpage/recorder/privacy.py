"""Keeps secrets out of records: by their names, by their shapes, and by their values."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

HIDDEN = "•••"
LONGEST = 4000  # characters of a text
SHORTEST_SECRET = 6

SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?|secret|token|key|authorization|cookie|signature|credential|otp|jwt"
    r"|session|csrf|nonce|^(code|hash|sig)$",
    re.IGNORECASE,
)
# Shapes of tokens: JWT, keys of services, credentials in headers and addresses, `password=…`.
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"eyJ[\w-]{6,}(\.[\w-]*){1,2}"), HIDDEN),
    (re.compile(r"\b(sb_|whsec_|sk_|rk_|pk_|re_|phc_|ghp_|v1,)\w{8,}[\w+/=-]*"), HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"((?:password|passwd|secret|token|api_?key|authorization|cookie)[\"']?\s*[=:]\s*[\"']?)"
            r"(?![$%:(])[^\s\"',;&)]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
# Text in SQL that may be a value: literals with digits and letters.
SQL_LITERAL = re.compile(r"'(?=[^']*\d)(?=[^']*[A-Za-z])[^']{12,}'")
# What SQLAlchemy, Postgres, Pydantic, FastAPI and redis-py add to their messages: values of rows,
# of bodies and of commands.
VALUES_IN_ERRORS = re.compile(
    r"\n?\[parameters: .*?\](?=\n|$)|\n?DETAIL: .*?(?=\n[A-Z\[(]|$)"
    r"|, input_value=.*?(?=, input_type=|\]\n|\]$)|, 'input': .*?(?=, 'ctx': |\}[,\]\n]|\}$)"
    r"|(?<=^Command # )\d+ \(.*\)(?= of pipeline caused error)",
    re.DOTALL,
)
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
# A word that no person wrote, such as the token of a link.
OPAQUE = re.compile(r"(?<![\w.~-])(?=[\w.~-]*\d)(?=[\w.~-]*[A-Za-z])[\w.~-]{24,}")
PLAIN_ID = re.compile(r"([a-z]{1,12}_)?[0-9a-fA-F-]{32,36}|([a-z]{1,12}_)?[0-9a-z]{26}")

# Written as they are. Any other value is shown by its kind and size.
HARMLESS = (bool, int, float, Decimal, UUID, date, datetime, time, timedelta, Enum)

_known: re.Pattern[str] | None = None


def know(secrets: Iterable[str]) -> None:
    """Hide these values, wherever they occur from now on."""
    global _known
    _known = _any_of(secrets)


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted({each for each in secrets if len(each) >= SHORTEST_SECRET}, key=len)
    return re.compile("|".join(re.escape(each) for each in reversed(found))) if found else None


def text(value: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without secrets, cut to `LONGEST` characters."""
    # Cut twice: shapes are searched in what is left of a long text, with room for the last one.
    value = value[: 2 * LONGEST]
    for pattern in (_known, _any_of(secrets)):
        if pattern:
            value = pattern.sub(HIDDEN, value)
    for shape, replacement in SHAPES:
        value = shape.sub(replacement, value)
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def cleaned(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Return JSON without secrets in any text."""
    if isinstance(value, str):
        return text(value, secrets)
    if isinstance(value, Mapping):
        return {str(name): cleaned(each, secrets) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(each, secrets) for each in value]
    return value


def sql(statement: str) -> str:
    """Return a statement without literals that may be secrets."""
    return SQL_LITERAL.sub(f"'{HIDDEN}'", statement)


def shown(name: str, value: Any) -> str:
    """Describe a value of a row, a parameter or a fact: texts by their length only."""
    if SECRET_NAME.search(name):
        return HIDDEN
    if value is None:
        return "null"
    if isinstance(value, HARMLESS) and not isinstance(value, str):
        return str(value.value if isinstance(value, Enum) else value)[:80]
    if isinstance(value, str | bytes):
        return f"{'text' if isinstance(value, str) else 'bytes'}({len(value)})"
    if isinstance(value, list | tuple | set | dict):
        return f"{type(value).__name__}({len(value)})"
    return type(value).__name__


def readable(value: str) -> str:
    """Return a path or a line without words that may be tokens; ids stay."""
    return OPAQUE.sub(
        lambda found: found[0] if PLAIN_ID.fullmatch(found[0]) else HIDDEN, value[:LONGEST]
    )


def query(value: bytes) -> str:
    """Return the query of a request, without values that have the name or the shape of a secret."""
    pairs = parse_qsl(value.decode("latin-1"), keep_blank_values=True)
    return "&".join(
        f"{name}={HIDDEN if SECRET_NAME.search(name) else readable(each)}" for name, each in pairs
    )[:LONGEST]


def error_message(error: BaseException) -> str:
    """Return the message of an exception without values of rows."""
    message = VALUES_IN_ERRORS.sub("", str(error)).strip()
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    if str(state).startswith("22"):  # a value that does not fit: the message repeats it
        message = QUOTED.sub(f'"{HIDDEN}"', message)
    return readable(sql(message))
