"""Groups of settings: where their values come from, and how they are read and checked."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.errors import SettingsError
from app.core.redaction import remember
from app.core.settings.references import is_reference, resolve

if TYPE_CHECKING:
    from app.settings import Settings

# Core must not import the project's settings class, so it knows the class by its name.
PROJECT_SETTINGS = "app.settings:Settings"

# Tests set every variable they need: the `.env` of a developer must not change their result.
ENV_FILES = () if os.environ.get("ENVIRONMENT") == "test" else (".dev/env", ".env")

Problem = tuple[str, str]  # VARIABLE, what is wrong and what to do


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


# A list that the environment holds as `a,b`.
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class SettingsGroup(BaseSettings):
    """Values come from the environment first, then `.env`, then the running dev stack.

    A value may name a secret in a store instead of holding it: see `references`.

    The string below a field is its description, which a message about a wrong value repeats.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILES,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _resolve_reference(cls, value: Any) -> Any:
        return resolve(value) if is_reference(value) else value

    def secret_values(self) -> Iterator[str]:
        """Yield the values that no log line may hold, also addresses with a password."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            for each in value.values() if isinstance(value, dict) else [value]:
                if isinstance(each, SecretStr):
                    yield each.get_secret_value()
                elif isinstance(each, str) and not field.repr:
                    yield each

    def production_problems(self) -> Iterator[Problem]:
        """Yield `(VARIABLE, what to do)` for every value that must not reach production.

        It is called in `staging` and `production` only. A subclass that extends it starts with
        `yield from super().production_problems()`.
        """
        yield from ()


class FeatureSettings(SettingsGroup):
    """Base of a feature's settings; give it `env_prefix`, as in `class X(..., env_prefix="X_")`."""


class BootSettings(SettingsGroup):
    """Settings that are read before all others: by models at import, and by the checks."""

    environment: Literal["local", "test", "staging", "production"] = "local"
    """One of local, test, staging, production."""
    features: CommaList = Field(default_factory=list)
    """Names of the features to load, with commas; empty for all."""
    extra_features: CommaList = Field(default_factory=list)
    """Packages outside of the app that are loaded like features, with commas; refused in
    production."""
    db_schema: str = Field(default="app", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    """Private Postgres schema of all tables; chosen once, before the first table."""

    @property
    def online(self) -> bool:
        """Whether the service can be reached from the internet: staging and production."""
        return self.environment in ("staging", "production")


Group = TypeVar("Group", bound=SettingsGroup)


@cache
def load_settings(group: type[Group], *also_checked: type[SettingsGroup]) -> Group:
    """Read one group, once per process; the problems of `also_checked` join the same message.

    Raises:
        SettingsError: one message that names every variable that is missing or wrong.
    """
    problems = check_settings(group, *also_checked)
    if not problems:
        settings = group()
        remember(settings.secret_values())
        return settings
    width = max(len(name) for name, _ in problems)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in problems)
    raise SettingsError(
        f"Settings are missing or wrong:\n{lines}\n"
        "Set them in the environment or in .env (see .env.example), or run `uv run app dev`, "
        "which starts what is missing on this machine."
    )


def check_settings(*groups: type[SettingsGroup]) -> list[Problem]:
    """Return `(VARIABLE, what is wrong and what to do)` for every problem of the groups."""
    return [problem for group in groups for problem in _check(group)]


def variables(group: type[SettingsGroup]) -> dict[str, FieldInfo]:
    """Return the fields of a group by the names of their variables."""
    prefix = group.model_config.get("env_prefix", "")
    # An alias is the whole name of a variable.
    return {
        str(field.validation_alias or f"{prefix}{name}").upper(): field
        for name, field in group.model_fields.items()
    }


@cache
def project_settings() -> "type[Settings]":
    """Return the project's settings class."""
    settings: type[Settings] = resolve_name(PROJECT_SETTINGS)
    return settings


def get_settings() -> "Settings":
    """Return the project's settings, see `load_settings`."""
    settings: Settings = load_settings(project_settings())
    return settings


def _check(group: type[SettingsGroup]) -> list[Problem]:
    try:
        settings = group()
    except ValidationError as error:
        return [_describe(group, details) for details in error.errors(include_input=False)]
    except UnicodeDecodeError as error:
        return [(".env", f"is not UTF-8 text ({error.reason}): save it as UTF-8.")]
    except OSError as error:
        return [(".env", f"cannot be read ({error.strerror}): make it readable for this user.")]
    return list(settings.production_problems()) if _online() else []


def _online() -> bool:
    try:
        return BootSettings().online
    except ValidationError:
        return False  # the project's settings have the same fields and report the problem


def _describe(group: type[SettingsGroup], details: Any) -> Problem:
    field = str(details["loc"][0]) if details["loc"] else ""
    infos = {info.validation_alias or name: info for name, info in group.model_fields.items()}
    info = infos.get(field)
    # An alias is the whole name of a variable.
    prefix = "" if info and info.validation_alias else group.model_config.get("env_prefix", "")
    # Pydantic calls the characters of a SecretStr items.
    message = re.sub("^Value (.+) items? after validation", r"Text \1 characters", details["msg"])
    what = (
        "is missing."
        if details["type"] == "missing"
        else f"is wrong: {message.removeprefix('Value error, ').rstrip('.')}."
    )
    hint = " ".join((info.description or "").split()) if info else ""
    return f"{prefix}{field}".upper(), f"{what} {hint}".rstrip()
