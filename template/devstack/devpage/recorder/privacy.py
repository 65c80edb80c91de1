"""Keeps secrets out of records: by their names, by their shapes, and by their values."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import BaseModel

HIDDEN = "•••"
LONGEST = 4000  # characters of a text
LONGEST_FIELD = 500  # characters of a field of a log line
DEEPEST = 6  # levels of a value that are shown
MOST = 50  # entries of a list or a dictionary that are shown
SHORTEST_SECRET = 6

# To the closing quote, or to the end of a text that was cut.
_QUOTED = r"\"(?:[^\"\\]|\\.)*(?:\"|$)|'(?:[^'\\]|\\.)*(?:'|$)"
_NAMES = (
    r"pass(?:word|wd|phrase)?|secret|token|key|authorization|cookie|signature|credential|otp|jwt"
    r"|session|csrf|nonce"
)
SECRET_NAME = re.compile(rf"{_NAMES}|^(code|hash|sig)$", re.IGNORECASE)
# Shapes of tokens: JWT, keys of services, credentials in headers and addresses, `password=…`.
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # `"otp": "123456"`, as in JSON and in dictionaries, also inside of another JSON text.
    (
        re.compile(
            rf"([\"'][\w-]{{0,40}}(?:{_NAMES})[\w-]{{0,40}}\\*[\"']\s*:\s*)"
            rf"(?:{_QUOTED}|\\+\".*?(?:\\+\"|$)|\[[^\]]*(?:\]|$)|\{{[^}}]*(?:\}}|$)|[^\s,}}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"eyJ[\w-]{6,}(\.[\w-]*){1,2}"), HIDDEN),
    (re.compile(r"\b(sb_|whsec_|sk_|rk_|pk_|re_|phc_|ghp_|v1,)\w{8,}[\w+/=-]*"), HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=:@-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    # The name alone is a key in addresses of some services.
    (re.compile(r"(https?://)[^/\s:@]+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"((?:password|passwd|secret|token|api_?key|authorization|cookie)[\"']?\s*[=:]\s*)"
            rf"(?![$%:(])(?:{_QUOTED}|[^\s\"',;&)]+)",
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

# Two halves of a character, one of which is missing: JSON cannot be written with it.
SURROGATE = re.compile("[\ud800-\udfff]")

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
    value = plain(value[: 2 * LONGEST])
    for pattern in (_known, _any_of(secrets)):
        if pattern:
            value = pattern.sub(HIDDEN, value)
    for shape, replacement in SHAPES:
        value = shape.sub(replacement, value)
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def plain(value: str) -> str:
    """Return a text that can be written as UTF-8."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)


def cleaned(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Return JSON without secrets in any text."""
    if isinstance(value, str):
        return text(value, secrets)
    if isinstance(value, Mapping):
        return {plain(str(name)): cleaned(each, secrets) for name, each in value.items()}
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


def field(name: str, value: Any) -> str:
    """Return the value of a field of a log line, without what has the name of a secret in it."""
    if SECRET_NAME.search(name):
        return HIDDEN
    return readable(str(_nested(value, DEEPEST)))[:LONGEST_FIELD]


def _nested(value: Any, deeper: int) -> Any:
    """Return a value with what it contains, where names are visible, as plain dictionaries."""
    if isinstance(value, BaseModel):
        value = dict(value)
    elif is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name, None) for each in fields(value)}
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return value
    if not deeper:
        return "…"
    parts = list(islice(value, MOST))
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if SECRET_NAME.search(str(name)) else _nested(value[name], deeper - 1)
            for name in parts
        }
    return [_nested(each, deeper - 1) for each in parts]


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
