"""Redaction: columns and keys that hold secrets are recognized by their names.

The site never shows their values, and the audit log does not store them.
"""

import re
from typing import Any

from fastapi.encoders import jsonable_encoder

MASK = "•••"
MAX_LENGTH = 1000  # characters of a text, or items of a list, that the audit log stores

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|secret|token|api_?key|private_?key|credential)s?(?:_|$)"
)


def is_secret(name: str) -> bool:
    """Tell whether the name of a column or key is that of a secret."""
    return bool(_SECRET.search(name.lower()))


def redact(value: Any, name: str = "") -> Any:
    """Return a value as JSON of limited length, with secrets replaced by `MASK`."""
    if value is not None and is_secret(name):
        return MASK
    if isinstance(value, dict):
        return {str(key): redact(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)) and len(value) <= MAX_LENGTH:
        return [redact(inner) for inner in value]
    if isinstance(value, str):
        return value if len(value) <= MAX_LENGTH else f"{value[:MAX_LENGTH]}…"
    try:
        encoded = jsonable_encoder(value)
    except (ValueError, TypeError):
        encoded = None
    simple = isinstance(encoded, (str, int, float, bool)) or value is None
    return encoded if simple else f"({type(value).__name__})"
