"""The settings of the machinery; names in the environment are those of the fields in upper case."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import AfterValidator, Field, SecretStr
from sqlalchemy import URL

from app.core.settings.groups import BootSettings, CommaList, Problem
from app.core.settings.postgres import check_address, normalize_url
from app.core.settings.tls import Tls, check_ca, resolve_tls, tls_problems

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

PostgresAddress = Annotated[str, AfterValidator(check_address)]
Certificates = Annotated[str, AfterValidator(check_ca)]


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

    supabase_jwt_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Legacy JWT secret, 32 characters or more, of a project without signing keys; "
        "tokens of signing keys are then refused.",
    )

    storage_bucket: str = Field(
        default="files",
        pattern=r"^[a-z0-9][a-z0-9-]{1,62}$",
        description="Private bucket in Supabase Storage; `app storage ensure` makes it.",
    )
    storage_max_bytes: int = Field(
        default=50 * 1024 * 1024, ge=1, description="Largest file in the bucket, in bytes."
    )
    storage_mime_types: CommaList = Field(
        default_factory=list,
        description="Kinds of files that the bucket takes, with commas, as application/pdf or "
        "image/*; empty for any.",
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
    def jwks_url(self) -> str:
        """Where the project publishes its signing keys."""
        return f"{self.supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"

    def tls_of(self, url: URL) -> Tls:
        """How the connections to a Postgres use TLS.

        Raises:
            SettingsError: the address names an unknown mode.
        """
        return resolve_tls(
            url, mode=self.db_ssl_mode, root_cert=self.db_ssl_root_cert, online=self.online
        )

    def production_problems(self) -> Iterator[Problem]:
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
            (
                "SUPABASE_JWT_SECRET",
                self.supabase_jwt_secret.get_secret_value() if self.supabase_jwt_secret else "",
            ),
        ):
            if value in PUBLIC_DEMO_KEYS:
                yield name, "is a published demo value: take the project's own."
        if not self.supabase_secret_key.get_secret_value().startswith(("sb_secret_", "eyJ")):
            yield "SUPABASE_SECRET_KEY", "is no Supabase key: it starts with sb_secret_."
        for name, address in (
            ("DATABASE_URL", self.database_url),
            ("MIGRATION_DATABASE_URL", self.migration_database_url),
        ):
            if address:
                url = normalize_url(address)
                yield from tls_problems(name, url, self.tls_of(url))
