"""Real Postgres, Redis and Supabase Auth for the tests, and a rolled-back transaction for each.

The services run once for a test run, in a folder of their own: `app dev` may run beside it. Every
process of pytest-xdist gets a database of its own, cloned from one that was migrated once.
"""

import logging
import os

# Before anything of the app is imported: it would read the developer's `.env`.
os.environ["ENVIRONMENT"] = "test"

import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from devstack.postgres import Postgres
from devstack.supabase import LocalSupabase, passwords
from devstack.valkey import Valkey
from tests.people import Person, SignIn
from tests.processes import Process, running

TEMPLATE = "template_migrated"

_services = ExitStack()
_supabase: list[LocalSupabase] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the services, once, and give this process a database and a Supabase of its own."""
    options = session.config.option
    if not hasattr(session.config, "workerinput"):
        _start_services(collect_only=options.collectonly)
        if options.collectonly or getattr(options, "numprocesses", None):
            return
    process = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["DATABASE_URL"] = _clone(f"test_{process}")
    # Redis counts its databases from 0 to 15.
    number = int(process.removeprefix("gw")) % 16 if process != "main" else 0
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{number}"
    passwords.COST = 2  # they are made slow to guess, which is slow to test
    supabase = LocalSupabase(
        publishable_key=os.environ["SUPABASE_PUBLISHABLE_KEY"],
        secret_key=os.environ["SUPABASE_SECRET_KEY"],
    )
    _supabase.append(_services.enter_context(supabase))
    os.environ["SUPABASE_URL"] = supabase.url


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what this process started, without its farewells."""
    logging.disable()
    _services.close()


def _start_services(*, collect_only: bool) -> None:
    if collect_only:
        os.environ |= _settings("postgresql://nobody@127.0.0.1/none", "redis://127.0.0.1:1")
        return
    folder = Path(tempfile.mkdtemp(prefix="tests-"))
    _services.callback(shutil.rmtree, folder, ignore_errors=True)
    postgres = _services.enter_context(Postgres(folder / "postgres"))
    valkey = _services.enter_context(Valkey(folder / "valkey"))
    os.environ |= _settings(postgres.url, valkey.url)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    from app.core.migrations.commands import upgrade
    from app.core.settings import load_settings

    upgrade(_named(TEMPLATE))
    # What comes next has a database of its own.
    load_settings.cache_clear()


def _settings(postgres: str, redis: str) -> dict[str, str]:
    """The whole environment of a test process: no `.env` is read where ENVIRONMENT is test."""
    return {
        "ENVIRONMENT": "test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": postgres,
        "REDIS_URL": redis,
        "SUPABASE_URL": "http://127.0.0.1:1",
        "SUPABASE_PUBLISHABLE_KEY": f"sb_publishable_{secrets.token_urlsafe(16)}",
        "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(16)}",
        "USER_APPROVAL": "auto",
        "LOG_FORMAT": "json",
    }


def _named(database: str) -> str:
    url = make_url(os.environ["DATABASE_URL"]).set(database=database)
    return url.render_as_string(hide_password=False)


def _clone(database: str, template: str = TEMPLATE) -> str:
    with psycopg.connect(_named("postgres"), autocommit=True) as connection:
        # Files are copied faster than pages, and each database is as small as they come.
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")
    return _named(database)


def _drop(database: str) -> None:
    with psycopg.connect(_named("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Log as every process of the project does, whichever test is the first."""
    from app.core.logging import configure_logging
    from app.core.settings import get_settings

    configure_logging(get_settings())


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    """Settings are read anew, in this test and after it: it changes the environment."""
    from app.core.settings import load_settings

    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """A migrated database of the test module's own, for what commits."""
    name = f"module_{uuid4().hex}"
    yield _clone(name)
    _drop(name)


@pytest.fixture
def empty_database_url() -> Iterator[str]:
    """A database without anything."""
    name = f"empty_{uuid4().hex}"
    yield _clone(name, "template1")
    _drop(name)


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[AsyncEngine]:
    """The API's engine on the database of this process."""
    from app.core.database import async_engine
    from app.core.settings import get_settings

    engine = async_engine(get_settings())
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One connection whose transaction is rolled back after the test."""
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """A session inside that transaction: its commits end a savepoint."""
    async with _session_on(connection) as session:
        yield session


def _session_on(connection: AsyncConnection) -> AsyncSession:
    return AsyncSession(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )


@pytest.fixture(scope="session")
def sync_test_engine() -> Iterator[Engine]:
    """The tasks' engine on the database of this process."""
    from app.core.database import forget_process_engine, process_engine

    yield process_engine()
    forget_process_engine()


@pytest.fixture
def sync_session(sync_test_engine: Engine) -> Iterator[Session]:
    """A sync session whose work is rolled back after the test; it does not see `session`'s."""
    with sync_test_engine.connect() as connection:
        transaction = connection.begin()
        with Session(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        transaction.rollback()


@pytest.fixture(scope="session")
async def running_app() -> AsyncIterator[FastAPI]:
    """The API with its lifespan; use `app`, which puts the test's transaction under it."""
    from app.main import app

    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def app(running_app: FastAPI, connection: AsyncConnection) -> AsyncIterator[FastAPI]:
    """The API on the test's transaction."""
    from app.core.database import Database, Reader, Result

    class ReaderInside(Reader):
        """Reads in the test's transaction."""

        async def run(self, work: Callable[[Connection], Result]) -> Result:
            return await connection.run_sync(work)

    class OneTransaction(Database):
        """Every session and reader of the test's requests, in the test's transaction."""

        def __init__(self, engine: AsyncEngine) -> None:
            super().__init__(engine)
            self.reader = ReaderInside(engine)

        def session(self) -> AsyncSession:
            session = _session_on(connection)
            event.listen(session.sync_session, "after_transaction_end", forget_role)
            return session

    def forget_role(_: Session, ended: SessionTransaction) -> None:
        # What acts as a user does so until the transaction ends: here that is the test's own.
        if ended.parent is None and connection.sync_connection is not None:
            connection.sync_connection.execute(text("SET LOCAL ROLE NONE"))

    real = running_app.state.database
    running_app.state.database = OneTransaction(real.engine)
    yield running_app
    running_app.state.database = real


@pytest.fixture(scope="session")
def committed_url() -> Iterator[str]:
    """A migrated database for what must be committed, as a worker would not see it else.

    It is shared: leave nothing that others would trip over.
    """
    name = f"committed_{uuid4().hex}"
    yield _clone(name)
    _drop(name)


@pytest.fixture
async def committed(running_app: FastAPI, committed_url: str) -> AsyncIterator[AsyncClient]:
    """A client of the API whose commits are real."""
    from app.core.database import Database, async_engine
    from app.core.settings import get_settings

    settings = get_settings().model_copy(update={"database_url": committed_url})
    database = Database(async_engine(settings))
    real = running_app.state.database
    running_app.state.database = database
    transport = ASGITransport(running_app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
    running_app.state.database = real
    await database.close()


@pytest.fixture(scope="session")
def worker(committed_url: str) -> Iterator[Process]:
    """A Celery worker on that database, with nothing to do."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    # Alone, it need not look for others, which takes a second.
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.worker", "worker", *alone)
    # A warm shutdown takes two seconds.
    with running(*command, stop=signal.SIGKILL, DATABASE_URL=committed_url) as worker:
        yield worker


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of the API, without a socket in between."""
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


@pytest.fixture(scope="session")
def supabase() -> LocalSupabase:
    """The local Supabase of this test run."""
    return _supabase[0]


@pytest.fixture
async def sign_in(session: AsyncSession, supabase: LocalSupabase) -> SignIn:
    """Make users that are signed in: `person = await sign_in(role=Role.ADMIN)`."""
    from app.extensions.users.models import Role, Status, User

    async def make(
        *, role: Role = Role.USER, status: Status = Status.APPROVED, aal: str = "aal1"
    ) -> Person:
        email = f"{uuid4().hex[:12]}@example.com"
        user_id = UUID(supabase.user(email).id)
        session.add(User(id=user_id, email=email, role=role, status=status))
        await session.commit()
        token = supabase.issue_token(email, claims={"aal": aal})
        return Person(user_id, email, {"Authorization": f"Bearer {token}"})

    return make
