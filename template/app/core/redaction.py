"""The secret values of this process, which no log line may hold, whoever writes it."""

import json
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

MASK = "•••"
# A shorter one is in many lines by chance. The keys of this backend are much longer.
MIN_LENGTH = 8

# Longest first, because one may be a part of another.
_forms: tuple[str, ...] = ()


def remember(values: Iterable[str]) -> None:
    """Replace these values, and the passwords in addresses among them, in every later line."""
    global _forms
    found = {form for value in values for part in _parts(value) for form in _written(part)}
    _forms = tuple(sorted({*_forms, *found}, key=len, reverse=True))


def redacted(line: str) -> str:
    """Return a line without the secret values."""
    for form in _forms:
        if form in line:
            line = line.replace(form, MASK)
    return line


def _parts(value: str) -> list[str]:
    """The secrets in a value: in an address, only the password or the key before the host."""
    if "://" in value:
        try:
            url = urlsplit(value)
        except ValueError:
            return [value]
        if url.password:
            return [url.password]
        # Some addresses are like `https://KEY@host` or `service://KEY`. Names of users are shorter.
        key = url.username or url.netloc
        return [key] if len(key) >= 16 and "." not in key else []
    # Several secrets of hooks are in one value.
    return [value, *value.split("|")]


def _written(secret: str) -> set[str]:
    """How a secret may be written in a line."""
    plain = {secret, unquote(secret)}
    forms = plain | {quote(each, safe="") for each in plain}
    # Twice, because a line of JSON may hold a body, which is JSON, too.
    for _ in range(2):
        for each in tuple(forms):
            forms |= {json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1]}
            forms.add(repr(each)[1:-1])
    return {form for form in forms if len(form) >= MIN_LENGTH}
