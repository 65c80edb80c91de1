"""What JSON does to a value: it shows secrets as stars, and lacks fields that are excluded.

It also has no infinity, and a subclass has the fields of the annotated class only. So keys are not
made of JSON, and a result is cached only if its JSON is read again as an equal value.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

_SECRETS = (Secret, SecretStr, SecretBytes)
_SIMPLE: dict[type, Callable[[Any], str]] = {
    **dict.fromkeys((str, bytes, int, float, bool, type(None)), repr),
    # Their `repr` takes several times as long.
    UUID: str,
    datetime: datetime.isoformat,
}
_ADDRESS = re.compile(" at 0x[0-9a-fA-F]+>$")


def text_of(value: Any) -> str:
    """Return a text for a key, which is another one for each other value.

    Raises:
        TypeError: the value is known by its address in memory only.
    """
    kind = type(value)
    if simple := _SIMPLE.get(kind):
        return simple(value)
    if isinstance(value, BaseModel):
        parts = _pairs(dict(value) | (value.__pydantic_private__ or {}))
    elif isinstance(value, Mapping):
        parts = _pairs(value)
    elif isinstance(value, list | tuple):
        parts = [text_of(each) for each in value]
    elif isinstance(value, AbstractSet):
        parts = sorted(text_of(each) for each in value)
    elif isinstance(value, _SECRETS):
        parts = [text_of(value.get_secret_value())]
    elif is_dataclass(value):
        parts = _pairs({field.name: getattr(value, field.name) for field in fields(value)})
    else:
        parts = [repr(value)]
        if _ADDRESS.search(parts[0]):
            raise TypeError(f"a {kind.__qualname__} cannot be part of a key")
    return f"{kind.__qualname__}({','.join(parts)})"


def _pairs(values: Mapping[Any, Any]) -> list[str]:
    return [f"{text_of(name)}:{text_of(value)}" for name, value in values.items()]


def hides(schema: Any) -> bool:
    """Whether the JSON of a core schema of Pydantic hides secrets or lacks fields."""
    if isinstance(schema, list | tuple):
        return any(map(hides, schema))
    if not isinstance(schema, dict):
        return False
    kind = schema.get("cls")
    return (
        (isinstance(kind, type) and issubclass(kind, _SECRETS))
        or not schema.keys().isdisjoint(("serialization_exclude", "serialization_exclude_if"))
        or any(hides(part) for name, part in schema.items() if name != "metadata")
    )
