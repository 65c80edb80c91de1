"""Settings of the process, read from the environment, `.env` and the running dev stack.

The project's own class is `app.settings.Settings`, a subclass of `CoreSettings`; a feature adds a
group of its own as a subclass of `FeatureSettings` in its `settings.py`.
"""

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from app.settings import Settings

Environment = Literal["local", "test", "staging", "production"]

# Tests say all they need themselves: what a developer has in `.env` must not change them.
ENV_FILES = () if os.environ.get("ENVIRONMENT") == "test" else (".dev/env", ".env")

LOOPBACK = ("localhost", "127.0.0.1", "::1")

# Values that Supabase publishes for local stacks: anyone can sign tokens or read data with them.
# Source: the constants of the Supabase CLI's local stack.
PUBLIC_DEMO_KEYS = frozenset(
    {
        "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
        "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz",
        "super-secret-jwt-token-with-at-least-32-characters-long",
    }
)


class SettingsError(Exception):
    """Settings are missing or wrong; the message names every variable and what to do."""


def _split(value: Any) -> Any:
    """Accept `a,b` as well as a list: lists in the environment are written with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]


# The database reads these settings: what checks its part of them is imported when it is called.


def _address(value: str) -> str:
    from app.core.database.address import plain_url

    return _passed(plain_url, value)


def _certificates(value: str) -> str:
    from app.core.database.tls import check_ca

    return _passed(check_ca, value)


def _passed(check: Callable[[str], object], value: str) -> str:
    try:
        check(value)
    except SettingsError as error:
        raise ValueError(str(error)) from error
    return value


PostgresAddress = Annotated[str, AfterValidator(_address)]
Certificates = Annotated[str, AfterValidator(_certificates)]


class SettingsGroup(BaseSettings):
    """Where values come from: the environment first, then `.env`, then the running dev stack."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILES,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    def production_problems(self) -> Iterator[tuple[str, str]]:
        """Yield `(VARIABLE, what to do)` for every value that must not reach production.

        Asked in `staging` and `production` only. Extend it in a subclass with `yield from
        super().production_problems()` first.
        """
        yield from ()


class FeatureSettings(SettingsGroup):
    """Base of a feature's settings; give it `env_prefix`, as in `class X(..., env_prefix="X_")`."""


class BootSettings(SettingsGroup):
    """What is needed before all settings are complete: by models at import, and by the checks."""

    environment: Environment = Field(
        default="local", description="One of local, test, staging, production."
    )
    features: Annotated[list[str] | None, NoDecode, BeforeValidator(_split)] = Field(
        default=None, description="Names of the features to load, with commas; empty for all."
    )
    db_schema: str = Field(
        default="app",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Private Postgres schema of all tables; chosen once, before the first table.",
    )


class CoreSettings(BootSettings):
    """What the template's machinery needs. Names in the environment are these in upper case."""

    project_name: str = Field(default="Backend", description="Title of the API and its docs.")
    app_version: str = Field(default="dev", description="Release that runs, shown in the docs.")
    debug: bool = Field(default=False, description="Show tracebacks in answers; never online.")
    secret_key: SecretStr = Field(
        min_length=32,
        description="Signs what this backend issues itself; 32 characters or more, e.g. from "
        '`python3 -c "import secrets; print(secrets.token_urlsafe(48))"`.',
    )
    api_prefix: str = Field(
        default="/api/v1", pattern=r"^(/[a-z0-9_-]+)+$", description="Path before every route."
    )

    database_url: PostgresAddress = Field(
        pattern=r"^postgres(ql)?(\+[a-z0-9]+)?://",
        description="Postgres to use, as `postgresql://user:password@host:5432/name`.",
    )
    migration_database_url: PostgresAddress | None = Field(
        default=None,
        pattern=r"^postgres(ql)?(\+[a-z0-9]+)?://",
        description="Direct or session-mode address for migrations; default DATABASE_URL.",
    )
    db_pool_mode: Literal["auto", "direct", "session", "transaction"] = Field(
        default="auto",
        description="How the address pools; auto knows Supabase's: port 6543 is transaction mode.",
    )
    db_pool_size: int = Field(
        default=5, ge=1, le=100, description="Connections each API process keeps."
    )
    db_max_overflow: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Further connections under load, closed after use: to open one costs more "
        "than a short wait.",
    )
    db_connection_limit: int | None = Field(
        default=None,
        ge=1,
        description="Connections all processes together may hold; `app doctor` says the default.",
    )
    db_ssl_mode: Literal["disable", "require", "verify-ca", "verify-full"] | None = Field(
        default=None,
        description="TLS to Postgres; default `sslmode` of the address, else verify-full online.",
    )
    db_ssl_root_cert: Certificates | None = Field(
        default=None,
        description="CA of the Postgres server, a path or the PEM text; default the public CAs.",
    )
    redis_url: str = Field(
        pattern=r"^rediss?://", description="Redis to use, as `redis://:password@host:6379/0`."
    )
    redis_ca_cert: str | None = Field(
        default=None, description="CA of a `rediss://` server, a path; default: the system's."
    )

    supabase_url: str = Field(
        pattern=r"^https?://", description="Address of the project, `https://<ref>.supabase.co`."
    )
    supabase_publishable_key: str = Field(
        min_length=1, description="The `sb_publishable_…` key of the Supabase project."
    )
    supabase_secret_key: SecretStr = Field(
        min_length=1, description="An `sb_secret_…` key of the Supabase project."
    )
    supabase_jwt_issuer: str | None = Field(
        default=None, description="Issuer of access tokens; default SUPABASE_URL/auth/v1."
    )

    cors_origins: CommaList = Field(
        default_factory=list, description="Origins of browser apps, with commas."
    )
    cors_credentials: bool = Field(
        default=False, description="Let browser apps send cookies; not with CORS_ORIGINS=*."
    )
    allowed_hosts: CommaList = Field(
        default_factory=lambda: [*LOOPBACK, "testserver"],
        description="Host names the API answers to, with commas; `*.example.com` for subdomains.",
    )
    docs_enabled: bool = Field(default=True, description="Serve /docs, /scalar, /openapi.json.")
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body, in bytes."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto is console in a terminal and when local, else json."
    )
    celery_timezone: str = Field(default="UTC", description="Time zone of crontab schedules.")
    celery_time_limit: int = Field(
        default=600, ge=10, le=3000, description="Seconds after which a task is killed."
    )
    redis_connections: Literal["small", "large"] = Field(
        default="small",
        description="small fits plans with 30 connections; large lets each process open more.",
    )
    task_keep_days: int = Field(
        default=30, ge=1, description="Days that tasks which ended well can be looked up."
    )
    alive_file: str | None = Field(
        default=None, description="File that a worker and beat touch while they live."
    )

    @property
    def jwt_issuer(self) -> str:
        """Issuer that every access token must name."""
        return self.supabase_jwt_issuer or f"{self.supabase_url.rstrip('/')}/auth/v1"

    @property
    def redis_address(self) -> str:
        """REDIS_URL for every library; with TLS, the certificate is verified unless it says else.

        Celery must be told so, or would take any; and each library reads it in the address.
        """
        parts = urlsplit(self.redis_url)
        if parts.scheme != "rediss":
            return self.redis_url
        tls = {"ssl_cert_reqs": "required"}
        if self.redis_ca_cert:
            tls["ssl_ca_certs"] = self.redis_ca_cert
        return parts._replace(query=urlencode(tls | dict(parse_qsl(parts.query)))).geturl()

    @property
    def celery_visibility_timeout(self) -> int:
        """Seconds after which a message that was not acknowledged is delivered again.

        Were it shorter than the longest task, a slow one would run twice.
        """
        return self.celery_time_limit + 30

    @property
    def online(self) -> bool:
        """True where strangers can reach the service."""
        return is_online(self)

    def production_problems(self) -> Iterator[tuple[str, str]]:
        """See `SettingsGroup.production_problems`."""
        if self.debug:
            yield "DEBUG", "must be false: tracebacks would reach clients."
        if "*" in self.cors_origins and self.cors_credentials:
            yield "CORS_ORIGINS", "`*` with CORS_CREDENTIALS=true is refused: name the origins."
        if "*" in self.allowed_hosts or set(self.allowed_hosts) <= {*LOOPBACK, "testserver"}:
            yield "ALLOWED_HOSTS", "name the public host names of this service, with commas."
        verified = dict(parse_qsl(urlsplit(self.redis_address).query)).get("ssl_cert_reqs")
        if verified not in (None, "required", "CERT_REQUIRED"):
            yield "REDIS_URL", "turns verification off: take ssl_cert_reqs out, set REDIS_CA_CERT."
        if urlsplit(self.supabase_url).scheme != "https":
            yield "SUPABASE_URL", "must start with https://."
        if len(set(self.secret_key.get_secret_value())) < 10:
            yield "SECRET_KEY", "is guessable: make a random one."
        for name, value in (
            ("SECRET_KEY", self.secret_key.get_secret_value()),
            ("SUPABASE_PUBLISHABLE_KEY", self.supabase_publishable_key),
            ("SUPABASE_SECRET_KEY", self.supabase_secret_key.get_secret_value()),
        ):
            if value in PUBLIC_DEMO_KEYS:
                yield name, "is a published demo value: take the project's own."
        if not self.supabase_secret_key.get_secret_value().startswith(("sb_secret_", "eyJ")):
            yield "SUPABASE_SECRET_KEY", "is no Supabase key: it starts with sb_secret_."
        from app.core.database import tls

        yield from tls.production_problems(self)


Group = TypeVar("Group", bound=SettingsGroup)


def is_online(settings: BootSettings) -> bool:
    """Tell whether strangers can reach the service."""
    return settings.environment in ("staging", "production")


def boot_settings() -> BootSettings:
    """Read what is needed before all settings are complete.

    Raises:
        SettingsError: see `load_settings`.
    """
    check_all((BootSettings,))
    return BootSettings()


@cache
def load_settings(group: type[Group]) -> Group:
    """Read and check one group, once per process.

    Raises:
        SettingsError: one message that names every variable of the group that is missing or wrong.
    """
    check_all((group,))
    return group()


def check_settings(group: type[SettingsGroup]) -> list[tuple[str, str]]:
    """Return `(VARIABLE, what is wrong and what to do)` for every problem of a group."""
    try:
        settings = group()
    except ValidationError as error:
        return [_explain(group, details) for details in error.errors(include_input=False)]
    except UnicodeDecodeError as error:
        return [(".env", f"is not UTF-8 text ({error.reason}): save it as UTF-8.")]
    except OSError as error:
        return [(".env", f"cannot be read ({error.strerror}): make it readable for this user.")]
    return list(settings.production_problems()) if _online() else []


def check_all(groups: tuple[type[SettingsGroup], ...]) -> None:
    """Check several groups at once.

    Raises:
        SettingsError: one message that names every variable that is missing or wrong.
    """
    if problems := [problem for group in groups for problem in check_settings(group)]:
        raise SettingsError(settings_message(problems))


def settings_message(problems: list[tuple[str, str]]) -> str:
    """Write the one message for all problems."""
    width = max(len(name) for name, _ in problems)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in problems)
    return (
        f"Settings are missing or wrong:\n{lines}\n"
        "Set them in the environment or in .env (see .env.example), or run `uv run app dev`, "
        "which starts what is missing on this machine."
    )


def get_settings() -> "Settings":
    """Return the project's settings, read once.

    Raises:
        SettingsError: see `load_settings`.
    """
    # The project's class is a subclass of ours: importing it above would be a circle.
    from app.settings import Settings

    settings: Settings = load_settings(Settings)
    return settings


def _online() -> bool:
    try:
        return is_online(BootSettings())
    except ValidationError:
        # The project's settings, which hold these too, say what is wrong.
        return False


def _explain(group: type[SettingsGroup], details: Any) -> tuple[str, str]:
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
