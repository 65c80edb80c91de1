"""What JSON does to a value: it shows secrets as stars, and lacks fields that are excluded.

It also has no infinity, and a subclass has the fields of the annotated class only. So keys are not
made of JSON, and a result is cached only if its JSON is read again as an equal value.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from sqlmodel import SQLModel

_SECRETS = (Secret, SecretStr, SecretBytes)
_ADDRESS = re.compile(" at 0x[0-9a-fA-F]+>$")


def text_of(value: Any) -> str:
    """Return a text for a key, which is another one for each other value.

    Raises:
        TypeError: the value is known by its address in memory only.
    """
    return _WRITERS[type(value)](value)


class _Writers(dict[type, Callable[[Any], str]]):
    """What writes the values of each type. It is kept, because every hit needs it."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        self[kind] = writer = _writer(kind)
        return writer


_WRITERS = _Writers()


def _writer(kind: type) -> Callable[[Any], str]:
    if kind in (str, bytes, int, float, bool, type(None)):
        return repr
    if kind is UUID:
        return str  # its `repr`, and that of datetime, takes several times as long
    if kind is datetime:
        return datetime.isoformat
    name = f"{kind.__module__}.{kind.__qualname__}"
    if issubclass(kind, SQLModel) and hasattr(kind, "__table__"):
        # Without the state of SQLAlchemy and other rows.
        return lambda value: f"{name}({_pairs(_columns(value))})"
    if issubclass(kind, BaseModel):
        return lambda value: f"{name}({_pairs(_state(value))})"
    if issubclass(kind, Mapping):
        return lambda value: f"{name}({_pairs(value)})"
    if issubclass(kind, list | tuple):
        return lambda value: f"{name}({','.join(map(text_of, value))})"
    if issubclass(kind, AbstractSet):
        return lambda value: f"{name}({','.join(sorted(map(text_of, value)))})"
    if issubclass(kind, Enum):
        return lambda value: f"{name}({value._value_!r})"
    if issubclass(kind, _SECRETS):
        return lambda value: f"{name}({text_of(value.get_secret_value())})"
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        return lambda value: f"{name}({_pairs({each: getattr(value, each) for each in names})})"
    return lambda value: f"{name}({_repr(value)})"


def _state(model: BaseModel) -> Mapping[str, Any]:
    extra, private = model.__pydantic_extra__, model.__pydantic_private__
    return {**vars(model), **(extra or {}), **(private or {})} if extra or private else vars(model)


def _columns(row: SQLModel) -> Mapping[str, Any]:
    return {name: vars(row).get(name) for name in type(row).model_fields}


def _pairs(values: Mapping[Any, Any]) -> str:
    # Not by `text_of`: one call less for each field.
    return ",".join([f"{_WRITERS[type(k)](k)}:{_WRITERS[type(v)](v)}" for k, v in values.items()])


def _repr(value: Any) -> str:
    text = repr(value)
    if _ADDRESS.search(text):
        raise TypeError(f"a {type(value).__qualname__} cannot be part of a key")
    return text


def loses(schema: Any) -> bool:
    """Whether JSON by a core schema of Pydantic hides secrets, or lacks fields or a generator."""
    if isinstance(schema, list | tuple):
        return any(map(loses, schema))
    if not isinstance(schema, dict):
        return False
    kind = schema.get("cls")
    return (
        (isinstance(kind, type) and issubclass(kind, _SECRETS))
        or schema.get("type") == "generator"
        or not schema.keys().isdisjoint(("serialization_exclude", "serialization_exclude_if"))
        or any(loses(part) for name, part in schema.items() if name != "metadata")
    )
