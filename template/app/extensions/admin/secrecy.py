"""What the site never shows, whatever a view says: passwords, tokens and the like, by their names.

The audit log leaves them out in the same way.
"""

import re
from typing import Any

from fastapi.encoders import jsonable_encoder

MASK = "•••"
LONGEST = 1000  # characters of a value, or entries of a list, that the audit log keeps

_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|secret|token|api_?key|private_?key|credential)s?(?:_|$)"
)


def is_secret(name: str) -> bool:
    """Tell whether a column or key is one that holds a secret."""
    return bool(_SECRET.search(name.lower()))


def masked(value: Any, name: str = "") -> Any:
    """Return a value as JSON can hold it, without secrets and of bounded length."""
    if value is not None and is_secret(name):
        return MASK
    if isinstance(value, dict):
        return {str(key): masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)) and len(value) <= LONGEST:
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    try:
        text = jsonable_encoder(value)
    except (ValueError, TypeError):
        text = None
    simple = isinstance(text, (str, int, float, bool)) or value is None
    return text if simple else f"({type(value).__name__})"
