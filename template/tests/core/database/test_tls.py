"""TLS to Postgres: both drivers trust the same servers, and name the cause if they do not."""

import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import NullPool, make_url, text
from sqlalchemy.exc import DBAPIError

from app.core.cli import doctor
from app.core.database import Database, async_engine, sessions, sync_engine
from app.core.database.connection_errors import CAUSES, find_cause, is_tls_failure
from app.core.settings import CoreSettings, SettingsError, check_settings, get_settings
from app.core.settings.tls import OPEN_MODES
from app.settings import Settings
from tests.core.database.front import Authority, authority, tls_front

ONLINE = {
    "ENVIRONMENT": "production",
    "SUPABASE_URL": "https://abc.supabase.co",
    "ALLOWED_HOSTS": "api.example.com",
}
REMOTE = "postgresql://u:p@db.example.com:5432/x"


class Servers:
    """The tests' database behind servers with different certificates; addresses by name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ca, self.other_ca = authority("One"), authority("Another")
        self.forger = authority("One")
        self.ca_file = folder / "ca.crt"
        self.ca_file.write_text(self.ca.pem)
        self._url = make_url(get_settings().database_url)
        self._stack = stack
        self.addresses = {"plain": self._address("localhost", self._url.port)}
        for name, ca, host, days in (
            ("good", self.ca, "localhost", 1),
            ("wrong CA", self.other_ca, "localhost", 1),
            ("forged", self.forger, "localhost", 1),
            ("expired", self.ca, "localhost", -1),
        ):
            self._put(name, "localhost", self._context(ca, folder / name, host, days))
        # The certificate of `good`, requested under another name.
        self._put("wrong host", "127.0.0.1", self._context(self.ca, folder / "h", "localhost", 1))

    def _context(self, ca: Authority, folder: Path, host: str, days: int) -> ssl.SSLContext:
        folder.mkdir()
        return ca.context(folder, host, days=days)

    def _put(self, name: str, host: str, context: ssl.SSLContext) -> None:
        assert self._url.port
        port = self._stack.enter_context(tls_front(context, self._url.port))
        self.addresses[name] = self._address(host, port)

    def _address(self, host: str, port: int | None) -> str:
        return self._url.set(host=host, port=port).render_as_string(hide_password=False)

    def settings(self, name: str, **values: Any) -> CoreSettings:
        """Settings with the address of a server, which is verified by default."""
        verified = {"db_ssl_mode": "verify-full", "db_ssl_root_cert": str(self.ca_file)}
        update = {"database_url": self.addresses[name]} | verified | values
        return get_settings().model_copy(update=update)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("tls"), stack)


async def connect_both(settings: CoreSettings) -> list[str]:
    """Connect with asyncpg and psycopg: return ok or the name of the cause for each."""

    async def by_asyncpg() -> None:
        engine = async_engine(settings)
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        finally:
            await engine.dispose()

    async def by_psycopg() -> None:
        engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    found = []
    for connect in (by_asyncpg, by_psycopg):
        try:
            await connect()
            found.append("ok")
        except (OSError, DBAPIError) as error:
            cause = find_cause(error)
            found.append(cause.name if cause and is_tls_failure(error) else repr(error))
    return found


async def test_a_known_ca_is_trusted_from_a_file_and_from_text(servers: Servers) -> None:
    assert await connect_both(servers.settings("good")) == ["ok", "ok"]
    for pem in (servers.ca.pem, servers.ca.pem.replace("\n", "\\n")):
        assert await connect_both(servers.settings("good", db_ssl_root_cert=pem)) == ["ok", "ok"]
    in_address = f"{servers.addresses['good']}?sslmode=verify-full&sslrootcert={servers.ca_file}"
    from_address = servers.settings(
        "good", database_url=in_address, db_ssl_mode=None, db_ssl_root_cert=None
    )
    assert await connect_both(from_address) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("server", "causes"),
    [
        ("wrong host", ["wrong_host", "wrong_host"]),
        ("wrong CA", ["untrusted", "untrusted"]),
        ("forged", ["untrusted", "untrusted"]),
        # libpq does not tell why a certificate fails.
        ("expired", ["expired", "untrusted"]),
        ("plain", ["no_tls", "no_tls"]),
    ],
)
async def test_an_untrusted_server_is_refused(
    servers: Servers, server: str, causes: list[str]
) -> None:
    assert await connect_both(servers.settings(server)) == causes


async def test_the_default_is_the_public_cas(servers: Servers) -> None:
    public = servers.settings("good", db_ssl_root_cert=None)
    assert await connect_both(public) == ["untrusted", "untrusted"]


async def test_weaker_modes_verify_less(servers: Servers) -> None:
    by_host = servers.settings("wrong host", db_ssl_mode="verify-ca")
    assert await connect_both(by_host) == ["ok", "ok"]
    for server in ("wrong host", "wrong CA", "expired"):
        unverified = servers.settings(server, db_ssl_mode="require")
        assert await connect_both(unverified) == ["ok", "ok"]
    plain = servers.settings("plain", db_ssl_mode="require")
    assert await connect_both(plain) == ["no_tls", "no_tls"]


@pytest.mark.parametrize("certificate", ["/nowhere/ca.crt", "-----BEGIN CERTIFICATE-----\nx"])
async def test_a_ca_that_cannot_be_read_is_a_problem_of_the_settings(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, certificate: str
) -> None:
    monkeypatch.setenv("DB_SSL_ROOT_CERT", certificate)
    assert [name for name, _ in check_settings(Settings)] == ["DB_SSL_ROOT_CERT"]
    settings = servers.settings("good", db_ssl_root_cert=certificate)
    with pytest.raises(SettingsError, match="DB_SSL_ROOT_CERT"):
        async_engine(settings)
    with pytest.raises(SettingsError, match="DB_SSL_ROOT_CERT"):
        sync_engine(settings.database_url, settings)


def test_a_ca_as_text_needs_a_place_for_a_file(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    settings = servers.settings("good", db_ssl_root_cert=authority("Third").pem)
    with pytest.raises(SettingsError, match="DB_SSL_ROOT_CERT"):
        sync_engine(settings.database_url, settings)


@pytest.fixture
async def api_on_wrong_ca(running_app: FastAPI, servers: Servers) -> AsyncIterator[None]:
    real = running_app.state.database
    running_app.state.database = Database(async_engine(servers.settings("wrong CA")))
    yield
    await running_app.state.database.close()
    running_app.state.database = real


async def test_health_reports_an_untrusted_server(
    committed: AsyncClient, api_on_wrong_ca: None, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await committed.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["ok"] is False
    assert "database_not_trusted" in caplog.text


@pytest.mark.parametrize(
    ("server", "cause"), [("expired", "expired"), ("plain", "no_tls"), ("good", None)]
)
def test_doctor_says_what_to_do(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, server: str, cause: str | None
) -> None:
    settings = servers.settings(server)
    engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
    monkeypatch.setattr(sessions, "process_engine", lambda: engine)
    monkeypatch.setattr("app.core.cli.database.get_settings", lambda: settings)
    monkeypatch.setattr("app.core.settings.get_settings", lambda: settings)
    if cause is None:
        assert doctor._database().endswith("TLS: verify-full")
        return
    (advice,) = (each.advice for each in CAUSES if each.name == cause)
    with pytest.raises(Exception, match=re.escape(advice)):
        doctor._database()


def test_remote_servers_are_verified_by_default_in_production() -> None:
    def mode(address: str, **values: object) -> str | None:
        settings = get_settings().model_copy(update=values)
        return settings.tls_of(make_url(address)).mode

    assert mode(REMOTE) is None
    assert mode(REMOTE, environment="production") == "verify-full"
    assert mode("postgresql://u@postgres/x", environment="production") is None
    assert mode(f"{REMOTE}?sslmode=require", environment="production") == "require"
    assert mode(f"{REMOTE}?sslmode=require", db_ssl_mode="verify-ca") == "verify-ca"
    with pytest.raises(SettingsError, match="sslmode=always is unknown"):
        mode(f"{REMOTE}?sslmode=always")


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        *(({"DATABASE_URL": f"{REMOTE}?sslmode={mode}"}, "DB_SSL_MODE") for mode in OPEN_MODES),
        ({"DATABASE_URL": REMOTE, "DB_SSL_MODE": "disable"}, "DB_SSL_MODE"),
        ({"MIGRATION_DATABASE_URL": REMOTE, "DB_SSL_MODE": "disable"}, "DB_SSL_MODE"),
        ({"DATABASE_URL": "postgresql://u@db.abc.supabase.co/x"}, "DB_SSL_ROOT_CERT"),
        ({"DATABASE_URL": f"{REMOTE}?sslmode=require"}, None),
        ({"DATABASE_URL": REMOTE}, None),
        ({"DATABASE_URL": "postgresql://u@10.0.0.7/x", "DB_SSL_MODE": "disable"}, None),
    ],
)
def test_production_refuses_clear_text_to_remote_servers(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], problem: str | None
) -> None:
    for name, value in (ONLINE | environment).items():
        monkeypatch.setenv(name, value)
    assert [name for name, _ in check_settings(Settings)] == ([problem] if problem else [])
