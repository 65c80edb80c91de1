"""The path and query of a request as they were sent, for a command that sends the same again."""

import string
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote_plus

from starlette.types import Scope

from devstack.devpage.recorder import privacy

# Of the bytes that were sent, only those that no address can hold are encoded.
SENT = string.punctuation.replace("#", "")


def of(scope: Scope, secrets: Iterable[str]) -> str:
    """Return the target of a request. A part that contains a secret is encoded anew without it."""
    path, query = _path(scope, secrets), _query(scope["query_string"], secrets)
    return f"{path}?{query}" if query else path


def _path(scope: Scope, secrets: Iterable[str]) -> str:
    path = scope["path"]
    shown = _hidden(path, secrets)
    sent = scope.get("raw_path")
    return quote(shown) if sent is None or shown != path else quote(sent, safe=SENT)


def _query(sent: bytes, secrets: Iterable[str]) -> str:
    text = sent.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True)
    shown = [
        (
            _hidden(name, secrets),
            privacy.HIDDEN if privacy.SECRET_NAME.search(name) else _hidden(value, secrets),
        )
        for name, value in pairs
    ]
    if shown != pairs:
        return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in shown)
    # A secret that is no pair, or more than one.
    whole = unquote_plus(text)
    return quote(sent, safe=SENT) if _hidden(whole, secrets) == whole else quote(privacy.HIDDEN)


def _hidden(value: str, secrets: Iterable[str]) -> str:
    return privacy.text(privacy.readable(value), secrets)
