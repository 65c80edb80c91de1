"""How values look in lists and on pages. What comes from a row is escaped, always."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from markupsafe import Markup
from sqladmin.formatters import BASE_FORMATTERS

from app.extensions.admin.secrecy import masked

TONES = {
    "approved": "green",
    "success": "green",
    "ready": "green",
    "pending": "yellow",
    "started": "blue",
    "processing": "blue",
    "failure": "red",
    "failed": "red",
    "rejected": "red",
    "suspended": "red",
}


def moment(value: datetime) -> Markup:
    """A time to the second, in UTC."""
    text = value.astimezone(UTC)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S}</time>').format(text.isoformat(), text)


def badge(value: StrEnum) -> Markup:
    """A word on a coloured ground."""
    tone = TONES.get(value.value, "secondary")
    return Markup('<span class="badge bg-{}-lt">{}</span>').format(tone, value.value)


def document(value: Any) -> Markup:
    """JSON, without secrets."""
    text = json.dumps(masked(value), ensure_ascii=False, indent=2)
    return Markup("<pre>{}</pre>").format(text)


# By the class of a value, or the first class that it inherits from.
FORMATTERS: Any = {
    **BASE_FORMATTERS,
    datetime: moment,
    StrEnum: badge,
    dict: document,
    list: document,
}
