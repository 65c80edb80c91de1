"""What the API knows about the project: routes, schedules and settings."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from celery.schedules import crontab, maybe_schedule
from fastapi import FastAPI
from pydantic import SecretStr

from app.core.cli.api import rows_of
from app.core.features import load
from app.core.settings import get_settings, load_settings, project_settings
from app.core.settings.groups import SettingsGroup
from app.core.tasks.application import schedules
from devstack.devpage.recorder import privacy, sender, sources


def send(app: FastAPI) -> None:
    """Send the facts about the project, with the routes that the app has now."""
    sender.send_facts(
        routes=[list(row) for row in rows_of(app.routes)],
        schedules=list(_schedules()),
        settings=list(_settings()),
        api_prefix=get_settings().api_prefix,
    )


def secrets() -> Iterator[str]:
    """Yield the secrets in the settings of this process."""
    for group in _groups():
        for value in dict(group).values():
            yield from _secrets_in(value)


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        whole = value.get_secret_value()
        yield from (whole, *whole.split("|"))
    elif isinstance(value, dict):
        for each in value.values():
            yield from _secrets_in(each)
    elif isinstance(value, str) and "://" in value:
        try:
            password = urlsplit(value).password
        except ValueError:
            return
        if password:
            yield password


def _groups() -> Iterator[SettingsGroup]:
    yield load_settings(project_settings())
    for _, group in load("settings"):
        yield load_settings(group)


def _settings() -> Iterator[dict[str, Any]]:
    source = sources.finder()
    for group in _groups():
        prefix = group.model_config.get("env_prefix", "")
        for field, info in type(group).model_fields.items():
            alias = info.validation_alias
            name = (alias if isinstance(alias, str) else f"{prefix}{field}").upper()
            yield {
                "name": name,
                "value": _value(name, getattr(group, field)),
                "source": source(name),
                "help": " ".join((info.description or "").split()),
            }


def _value(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr) or (
        isinstance(value, str) and value and privacy.SECRET_NAME.search(name)
    ):
        return privacy.HIDDEN
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return privacy.text(shown)


def _schedules() -> Iterator[dict[str, Any]]:
    for name, entry in schedules().items():
        when = maybe_schedule(entry["schedule"])
        interval = getattr(when, "run_every", None)
        yield {
            "name": name,
            "task": entry["task"],
            "arguments": sorted(entry["kwargs"]),
            "every": interval.total_seconds() if interval else None,
            "crontab": _fields(when) if isinstance(when, crontab) else None,
            "timezone": get_settings().celery_timezone,
        }


def _fields(when: Any) -> str:
    """Return the five fields of a crontab in their usual order, as they were written."""
    minute, hour, weekday, day, month = when.__reduce__()[1]
    return f"{minute} {hour} {day} {month} {weekday}"
