"""Groups of settings: where their values come from, and how they are read and checked."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.settings.errors import SettingsError

# Tests set every variable they need: the `.env` of a developer must not change their result.
ENV_FILES = () if os.environ.get("ENVIRONMENT") == "test" else (".dev/env", ".env")

Environment = Literal["local", "test", "staging", "production"]

Problem = tuple[str, str]  # VARIABLE, what is wrong and what to do


def _split(value: Any) -> Any:
    """Accept `a,b` as well as a list: lists in the environment are written with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
OptionalCommaList = Annotated[list[str] | None, NoDecode, BeforeValidator(_split)]


class SettingsGroup(BaseSettings):
    """Values come from the environment first, then `.env`, then the running dev stack."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILES,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    def production_problems(self) -> Iterator[Problem]:
        """Yield `(VARIABLE, what to do)` for every value that must not reach production.

        It is called in `staging` and `production` only. A subclass that extends it starts with
        `yield from super().production_problems()`.
        """
        yield from ()


class FeatureSettings(SettingsGroup):
    """Base of a feature's settings; give it `env_prefix`, as in `class X(..., env_prefix="X_")`."""


class BootSettings(SettingsGroup):
    """What is needed before all settings are complete: by models at import, and by the checks."""

    environment: Environment = Field(
        default="local", description="One of local, test, staging, production."
    )
    features: OptionalCommaList = Field(
        default=None, description="Names of the features to load, with commas; empty for all."
    )
    db_schema: str = Field(
        default="app",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Private Postgres schema of all tables; chosen once, before the first table.",
    )

    @property
    def online(self) -> bool:
        """True where strangers can reach the service."""
        return self.environment in ("staging", "production")


Group = TypeVar("Group", bound=SettingsGroup)


@cache
def load_settings(group: type[Group]) -> Group:
    """Read and check one group, once per process.

    Raises:
        SettingsError: one message that names every variable of the group that is missing or wrong.
    """
    raise_problems(check_settings(group))
    return group()


def check_settings(*groups: type[SettingsGroup]) -> list[Problem]:
    """Return `(VARIABLE, what is wrong and what to do)` for every problem of the groups."""
    return [problem for group in groups for problem in _check(group)]


def raise_problems(problems: list[Problem]) -> None:
    """Do nothing if there is no problem.

    Raises:
        SettingsError: one message with all of them.
    """
    if not problems:
        return
    width = max(len(name) for name, _ in problems)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in problems)
    raise SettingsError(
        f"Settings are missing or wrong:\n{lines}\n"
        "Set them in the environment or in .env (see .env.example), or run `uv run app dev`, "
        "which starts what is missing on this machine."
    )


def _check(group: type[SettingsGroup]) -> list[Problem]:
    try:
        settings = group()
    except ValidationError as error:
        return [_explain(group, details) for details in error.errors(include_input=False)]
    except UnicodeDecodeError as error:
        return [(".env", f"is not UTF-8 text ({error.reason}): save it as UTF-8.")]
    except OSError as error:
        return [(".env", f"cannot be read ({error.strerror}): make it readable for this user.")]
    return list(settings.production_problems()) if _online() else []


def _online() -> bool:
    try:
        return BootSettings().online
    except ValidationError:
        # The project's settings, which hold these fields too, report what is wrong.
        return False


def _explain(group: type[SettingsGroup], details: Any) -> Problem:
    field = str(details["loc"][0]) if details["loc"] else ""
    info = group.model_fields.get(field)
    prefix = group.model_config.get("env_prefix", "")
    what = (
        "is missing."
        if details["type"] == "missing"
        else f"is wrong: {details['msg'].removeprefix('Value error, ').rstrip('.')}."
    )
    hint = f" {info.description}" if info and info.description else ""
    return f"{prefix}{field}".upper(), f"{what}{hint}"
