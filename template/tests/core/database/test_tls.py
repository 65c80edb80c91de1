"""TLS to Postgres: the same trust by both drivers, and a sentence where there is none."""

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
from app.core.database.connection_errors import distrusted, explained
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
    """The database of the tests, behind certificates of every kind; addresses by name."""

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
        # The certificate of `good`, asked for by another name.
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
        """Settings with the address of a server, verified unless they say otherwise."""
        verified = {"db_ssl_mode": "verify-full", "db_ssl_root_cert": str(self.ca_file)}
        update = {"database_url": self.addresses[name]} | verified | values
        return get_settings().model_copy(update=update)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("tls"), stack)


async def ask_both(settings: CoreSettings) -> list[str]:
    """What the drivers came to, asyncpg first: ok, or the sentence about the trouble."""

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
    for ask in (by_asyncpg, by_psycopg):
        try:
            await ask()
            found.append("ok")
        except (OSError, DBAPIError) as error:
            found.append(explained(error) if distrusted(error) else repr(error))
    return found


async def test_a_known_ca_and_host_are_trusted_by_file_and_by_text(servers: Servers) -> None:
    assert await ask_both(servers.settings("good")) == ["ok", "ok"]
    for pem in (servers.ca.pem, servers.ca.pem.replace("\n", "\\n")):
        assert await ask_both(servers.settings("good", db_ssl_root_cert=pem)) == ["ok", "ok"]
    in_address = f"{servers.addresses['good']}?sslmode=verify-full&sslrootcert={servers.ca_file}"
    said_there = servers.settings(
        "good", database_url=in_address, db_ssl_mode=None, db_ssl_root_cert=None
    )
    assert await ask_both(said_there) == ["ok", "ok"]


@pytest.mark.parametrize(
    ("server", "by_asyncpg", "by_psycopg"),
    [
        ("wrong host", "made out to another name", "made out to another name"),
        ("wrong CA", "not signed by the CA", "not signed by the CA"),
        ("forged", "not signed by the CA", "not signed by the CA"),
        # libpq does not tell why a certificate fails.
        ("expired", "has expired: renew it", "or has expired"),
        ("plain", "speaks no TLS", "speaks no TLS"),
    ],
)
async def test_a_server_that_cannot_be_trusted_is_refused(
    servers: Servers, server: str, by_asyncpg: str, by_psycopg: str
) -> None:
    first, second = await ask_both(servers.settings(server))
    assert by_asyncpg in first
    assert by_psycopg in second


async def test_without_a_ca_the_public_ones_count(servers: Servers) -> None:
    for found in await ask_both(servers.settings("good", db_ssl_root_cert=None)):
        assert "not signed by the CA" in found


async def test_weaker_modes_trust_what_they_say(servers: Servers) -> None:
    by_host = servers.settings("wrong host", db_ssl_mode="verify-ca")
    assert await ask_both(by_host) == ["ok", "ok"]
    for server in ("wrong host", "wrong CA", "expired"):
        unverified = servers.settings(server, db_ssl_mode="require")
        assert await ask_both(unverified) == ["ok", "ok"]
    for found in await ask_both(servers.settings("plain", db_ssl_mode="require")):
        assert "speaks no TLS" in found


@pytest.mark.parametrize("certificate", ["/nowhere/ca.crt", "-----BEGIN CERTIFICATE-----\nx"])
async def test_a_ca_that_cannot_be_read_is_named(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, certificate: str
) -> None:
    monkeypatch.setenv("DB_SSL_ROOT_CERT", certificate)
    ((name, problem),) = check_settings(Settings)
    assert name == "DB_SSL_ROOT_CERT"
    assert "the path of a PEM file" in problem
    settings = servers.settings("good", db_ssl_root_cert=certificate)
    with pytest.raises(SettingsError, match="give DB_SSL_ROOT_CERT the path"):
        async_engine(settings)
    with pytest.raises(SettingsError, match="give DB_SSL_ROOT_CERT the path"):
        sync_engine(settings.database_url, settings)


def test_a_ca_as_text_needs_a_place_for_a_file(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    settings = servers.settings("good", db_ssl_root_cert=authority("Third").pem)
    with pytest.raises(SettingsError, match="mount /tmp, or give the path"):
        sync_engine(settings.database_url, settings)


@pytest.fixture
async def api_on_wrong_ca(running_app: FastAPI, servers: Servers) -> AsyncIterator[None]:
    real = running_app.state.database
    running_app.state.database = Database(async_engine(servers.settings("wrong CA")))
    yield
    await running_app.state.database.close()
    running_app.state.database = real


async def test_health_says_that_it_is_trust(committed: AsyncClient, api_on_wrong_ca: None) -> None:
    answer = await committed.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["detail"] == "its TLS is not trusted: see the log"


@pytest.mark.parametrize(
    ("server", "said"),
    [("expired", "has expired: renew it"), ("plain", "speaks no TLS"), ("good", None)],
)
def test_doctor_says_what_to_do(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, server: str, said: str | None
) -> None:
    settings = servers.settings(server)
    engine = sync_engine(settings.database_url, settings, poolclass=NullPool)
    monkeypatch.setattr(sessions, "process_engine", lambda: engine)
    monkeypatch.setattr("app.core.cli.database.get_settings", lambda: settings)
    monkeypatch.setattr(doctor, "get_settings", lambda: settings)
    if said is None:
        assert doctor._database().endswith("TLS: verify-full")
        return
    with pytest.raises(Exception, match=said):
        doctor._database()


def test_out_there_the_default_is_to_verify() -> None:
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
def test_production_refuses_clear_text_to_servers_out_there(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], problem: str | None
) -> None:
    for name, value in (ONLINE | environment).items():
        monkeypatch.setenv(name, value)
    assert [name for name, _ in check_settings(Settings)] == ([problem] if problem else [])
