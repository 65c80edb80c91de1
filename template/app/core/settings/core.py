"""The settings of core. Names in the environment are those of the fields in upper case."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from sqlalchemy import URL

from app.core.errors import SettingsError
from app.core.settings.groups import BootSettings, CommaList, Problem
from app.core.settings.postgres import is_remote, normalize_url
from app.core.settings.tls import MODES, Tls, tls_problems

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


def _checked_by(check: Callable[[str], object]) -> AfterValidator:
    """Validate a text by a function that raises SettingsError, and keep the text."""

    def validate(value: str) -> str:
        check(value)
        return value

    return AfterValidator(validate)


def _check_redis(address: str) -> None:
    try:
        urlsplit(address).port  # noqa: B018 - raises
    except ValueError as error:
        # Its message has a part of the password.
        raise SettingsError(
            "This is not an address of Redis: write redis://:password@host:6379/0 and "
            "percent-encode special characters."
        ) from error


PostgresAddress = Annotated[
    str, Field(pattern=r"^postgres(ql)?(\+[a-z0-9]+)?://"), _checked_by(normalize_url)
]
RedisAddress = Annotated[str, Field(pattern=r"^rediss?://"), _checked_by(_check_redis)]
Certificates = Annotated[str, _checked_by(lambda ca: Tls("verify-full", ca).ssl_context())]


class CoreSettings(BootSettings):
    """The settings that every project has; `app.settings.Settings` adds the project's own."""

    project_name: str = "Backend"
    """Title of the API and its docs."""
    app_version: str = "dev"
    """Running release, shown in the docs."""
    show_tracebacks: bool = False
    """Show tracebacks in responses; refused in production."""
    secret_key: SecretStr = Field(min_length=32)
    """Signs what this backend issues itself; 32 characters or more, e.g. from `python3 -c "import
    secrets; print(secrets.token_urlsafe(48))"`."""
    secret_key_previous: SecretStr | None = Field(default=None, min_length=32)
    """The SECRET_KEY of before, as long as what it has signed stays valid."""
    api_prefix: str = Field(default="/api/v1", pattern=r"^(/[a-z0-9_-]+)+$")
    """Path before every route."""

    # An address has a password, so `repr` leaves it out.
    database_url: PostgresAddress = Field(repr=False)
    """Postgres to use, as `postgresql://user:password@host:5432/name`."""
    migration_database_url: PostgresAddress | None = Field(default=None, repr=False)
    """Direct or session-mode address for migrations; default DATABASE_URL."""
    db_pool_mode: Literal["auto", "direct", "session", "transaction"] = "auto"
    """How the server pools; auto knows Supabase's: port 6543 is transaction mode."""
    db_pool_size: int = Field(default=5, ge=1, le=100)
    """Connections that each API process keeps."""
    db_max_overflow: int = Field(default=0, ge=0, le=100)
    """Further connections under load, closed after use; opening one takes longer than a short
    wait."""
    db_connection_limit: int | None = Field(default=None, ge=1)
    """Connections that all processes together may hold; `app doctor` shows the default."""
    db_ssl_mode: Literal["disable", "require", "verify-ca", "verify-full"] | None = None
    """TLS to Postgres; default: `sslmode` of the address, or verify-full for a remote server in
    production."""
    db_ssl_root_cert: Certificates | None = None
    """CA of the Postgres server, a path or PEM text; default: the public CAs."""
    redis_url: RedisAddress = Field(repr=False)
    """Redis to use, as `redis://:password@host:6379/0`."""
    redis_ca_cert: str | None = None
    """CA of a `rediss://` server, a path; default: the system's."""

    supabase_url: str = Field(pattern=r"^https?://[^@]*$")
    """Address of the project, `https://<ref>.supabase.co`."""
    supabase_publishable_key: str = Field(min_length=1)
    """The `sb_publishable_…` key of the Supabase project."""
    supabase_secret_key: SecretStr = Field(min_length=1)
    """An `sb_secret_…` key of the Supabase project."""
    supabase_jwt_issuer: str | None = None
    """Issuer of access tokens; default SUPABASE_URL/auth/v1."""
    supabase_jwt_secret: SecretStr | None = Field(default=None, min_length=32)
    """Legacy JWT secret, 32 characters or more, of a project without signing keys; tokens of
    signing keys are then refused."""

    storage_bucket: str = Field(default="files", pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")
    """Private bucket in Supabase Storage; `app storage ensure` creates it."""
    storage_max_bytes: int = Field(default=50 * 1024 * 1024, ge=1)
    """Largest file in the bucket, in bytes."""
    storage_mime_types: CommaList = Field(default_factory=list)
    """Media types that the bucket accepts, with commas, as application/pdf or image/*; empty for
    any."""

    cors_origins: CommaList = Field(default_factory=list)
    """Origins of browser apps, with commas."""
    cors_credentials: bool = False
    """Let browser apps send cookies; not with CORS_ORIGINS=*."""
    allowed_hosts: CommaList = Field(default_factory=lambda: [*LOOPBACK, "testserver"])
    """Host names of the API, with commas; `*.example.com` for subdomains."""
    secure_cookies: bool = False
    """Send cookies by HTTPS only, as it is always done in production."""
    docs_enabled: bool = True
    """Serve /docs, /scalar, /openapi.json."""
    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    """Largest request body, in bytes."""

    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)
    ] = "info"
    """Least severe level that is logged."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """auto is console in a terminal and when local, otherwise json."""
    celery_timezone: str = "UTC"
    """Time zone of crontab schedules."""
    celery_time_limit: int = Field(default=600, ge=10, le=3000)
    """Seconds after which a task is killed."""
    redis_connections: Literal["small", "large"] = "small"
    """small fits plans with 30 connections; large lets each process open more."""
    task_keep_days: int = Field(default=30, ge=1)
    """Days for which records of successful tasks are kept."""
    alive_file: str | None = None
    """File that a worker and beat touch as long as they run."""

    @property
    def cookies_need_tls(self) -> bool:
        """Whether browsers keep the cookies of this backend for HTTPS."""
        return self.online or self.secure_cookies

    @property
    def secret_keys(self) -> tuple[bytes, ...]:
        """The keys of what this backend issues: the first one signs, each of them verifies."""
        found = (self.secret_key, self.secret_key_previous)
        return tuple(key.get_secret_value().encode() for key in found if key)

    @property
    def jwt_issuer(self) -> str:
        """Issuer that every access token must name."""
        return self.supabase_jwt_issuer or f"{self.supabase_url.rstrip('/')}/auth/v1"

    @property
    def jwks_url(self) -> str:
        """Address at which the Supabase project publishes its signing keys."""
        return f"{self.supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"

    @property
    def redis_address(self) -> str:
        """REDIS_URL with its TLS options: certificates are verified unless it says otherwise.

        Every client reads the options in the address. Celery does not verify without them.
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

        It is longer than any task may run, because a running task would be delivered twice.
        """
        return self.celery_time_limit + 30

    def tls_of(self, url: URL) -> Tls:
        """Return the TLS of connections to a Postgres, by the settings, then by the address.

        Without a mode in either, a remote server is verified when the service is online.

        Raises:
            SettingsError: the address names an unknown mode.
        """
        query = {key: str(value) for key, value in url.query.items()}
        mode = self.db_ssl_mode or query.get("sslmode") or query.get("ssl")
        if mode is None and self.online and is_remote(url):
            mode = "verify-full"
        if mode not in (None, *MODES):
            raise SettingsError(f"sslmode={mode} is unknown: use one of {', '.join(MODES)}.")
        return Tls(mode, self.db_ssl_root_cert or query.get("sslrootcert"))

    def production_problems(self) -> Iterator[Problem]:
        """See `SettingsGroup.production_problems`."""
        if self.show_tracebacks:
            yield "SHOW_TRACEBACKS", "must be false: clients would see tracebacks."
        if self.extra_features:
            yield "EXTRA_FEATURES", "must be empty: it loads code that is only for development."
        if "*" in self.cors_origins and self.cors_credentials:
            yield "CORS_ORIGINS", "must name the origins: CORS_CREDENTIALS=true forbids `*`."
        if "*" in self.allowed_hosts or set(self.allowed_hosts) <= {*LOOPBACK, "testserver"}:
            yield "ALLOWED_HOSTS", "must list the public host names of this service, with commas."
        verified = dict(parse_qsl(urlsplit(self.redis_address).query)).get("ssl_cert_reqs")
        if verified not in (None, "required", "CERT_REQUIRED"):
            yield (
                "REDIS_URL",
                "must not turn verification off: set REDIS_CA_CERT instead.",
            )
        if urlsplit(self.supabase_url).scheme != "https":
            yield "SUPABASE_URL", "must start with https://."
        for name, key in (
            ("SECRET_KEY", self.secret_key),
            ("SECRET_KEY_PREVIOUS", self.secret_key_previous),
        ):
            if key and len(set(key.get_secret_value())) < 10:
                yield name, "is easy to guess: generate a random one."
        if not self.supabase_secret_key.get_secret_value().startswith(("sb_secret_", "eyJ")):
            yield "SUPABASE_SECRET_KEY", "is not a Supabase key: it starts with sb_secret_."
        keys = {
            "SECRET_KEY": self.secret_key,
            "SECRET_KEY_PREVIOUS": self.secret_key_previous,
            "SUPABASE_PUBLISHABLE_KEY": SecretStr(self.supabase_publishable_key),
            "SUPABASE_SECRET_KEY": self.supabase_secret_key,
            "SUPABASE_JWT_SECRET": self.supabase_jwt_secret,
        }
        for name, key in keys.items():
            if key and key.get_secret_value() in PUBLIC_DEMO_KEYS:
                yield name, "is a published demo value: use the value of your project."
        for name, address in (
            ("DATABASE_URL", self.database_url),
            ("MIGRATION_DATABASE_URL", self.migration_database_url),
        ):
            if address:
                url = normalize_url(address)
                yield from tls_problems(name, url, self.tls_of(url))
