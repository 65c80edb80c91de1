"""How values appear in lists and on pages. Values of a row are always escaped."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from markupsafe import Markup
from sqladmin.formatters import BASE_FORMATTERS

from app.extensions.admin.redaction import redact

COLORS = {
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


def format_time(value: datetime) -> Markup:
    """A time in UTC, without fractions of a second."""
    text = value.astimezone(UTC)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S}</time>').format(text.isoformat(), text)


def format_state(value: StrEnum) -> Markup:
    """A coloured badge."""
    color = COLORS.get(value.value, "secondary")
    return Markup('<span class="badge bg-{}-lt">{}</span>').format(color, value.value)


def format_json(value: Any) -> Markup:
    """JSON, without secrets."""
    text = json.dumps(redact(value), ensure_ascii=False, indent=2)
    return Markup("<pre>{}</pre>").format(text)


# SQLAdmin looks up the class of a value, then its base classes.
FORMATTERS: Any = {
    **BASE_FORMATTERS,
    datetime: format_time,
    StrEnum: format_state,
    dict: format_json,
    list: format_json,
}
