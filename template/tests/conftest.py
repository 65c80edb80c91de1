"""Fixtures on real services: PostgreSQL, Valkey, and the local Supabase over HTTP.

The services start once for a test run, in a folder of their own, so `app dev` may run at the same
time. Each process of pytest-xdist has its own database, its own Redis database and its own local
Supabase. A test runs in a transaction that is rolled back.
"""

from tests.support import environment

environment.clean()  # before any import of the app, which reads its settings

import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from uuid import UUID, uuid4

import pytest
import redis
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Database, async_engine, forget_process_engine, process_engine
from app.core.logging import configure_logging
from app.core.settings import get_settings, load_settings
from app.extensions.users.models import Role, Status, User
from devstack.supabase import LocalSupabase, passwords
from tests.support import databases, services
from tests.support.people import Person, SignIn
from tests.support.processes import Process, running
from tests.support.transaction import TransactionDatabase, session_inside

_stack = ExitStack()
_supabase: list[LocalSupabase] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the services once; give each process that runs tests its databases and a Supabase."""
    options = session.config.option
    if options.collectonly:
        services.set_environment(*services.UNREACHABLE)
        return
    if not hasattr(session.config, "workerinput"):
        services.set_environment(*services.start_services(_stack))
        databases.create_migrated()
        if getattr(options, "numprocesses", None):
            return  # the workers of pytest-xdist inherit the environment and run the tests
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["DATABASE_URL"] = databases.clone(f"test_{worker}")
    os.environ["REDIS_URL"] = services.redis_database(worker)
    passwords.COST = 2  # hashing is slow on purpose; tests need no protection against guessing
    supabase = LocalSupabase(
        publishable_key=os.environ["SUPABASE_PUBLISHABLE_KEY"],
        secret_key=os.environ["SUPABASE_SECRET_KEY"],
    )
    _supabase.append(_stack.enter_context(supabase))
    os.environ["SUPABASE_URL"] = supabase.url


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the services that this process started, without their log lines."""
    logging.disable()
    _stack.close()


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    """Configure logging as every process of the project does, whichever test runs first."""
    configure_logging(get_settings())


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    """Read the settings again in this test and after it, because it changes the environment."""
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


# --- Databases --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """The URL of a migrated database for one test module, for tests that commit."""
    with databases.temporary() as url:
        yield url


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[AsyncEngine]:
    """The API's engine on the database of this process."""
    engine = async_engine(get_settings())
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose transaction is rolled back after the test."""
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield connection
        await transaction.rollback()


@pytest.fixture
async def session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """A session inside that transaction; its commits only release a savepoint."""
    async with session_inside(connection) as session:
        yield session


@pytest.fixture(scope="session")
def sync_test_engine() -> Iterator[Engine]:
    """The tasks' engine on the database of this process."""
    yield process_engine()
    forget_process_engine()


@pytest.fixture
def sync_session(sync_test_engine: Engine) -> Iterator[Session]:
    """A sync session that is rolled back after the test; it does not see the rows of `session`."""
    with sync_test_engine.connect() as connection:
        transaction = connection.begin()
        with Session(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        transaction.rollback()


# --- The API ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
async def running_app() -> AsyncIterator[FastAPI]:
    """The API with its lifespan; use `app`, which runs in the test's transaction."""
    from app.main import app  # reads the settings, which are complete only now

    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def app(running_app: FastAPI, connection: AsyncConnection) -> AsyncIterator[FastAPI]:
    """The API in the test's transaction."""
    real = running_app.state.database
    running_app.state.database = TransactionDatabase(real.engine, connection)
    yield running_app
    running_app.state.database = real


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of the API, without a socket in between."""
    async with _client_of(app) as client:
        yield client


@pytest.fixture(scope="session")
def committed_url() -> Iterator[str]:
    """The URL of a migrated database for data that must be committed, so that a worker sees it.

    Tests share it: leave no row that another test could trip over.
    """
    with databases.temporary() as url:
        yield url


@pytest.fixture
async def committed(running_app: FastAPI, committed_url: str) -> AsyncIterator[AsyncClient]:
    """A client of the API whose commits are real."""
    settings = get_settings().model_copy(update={"database_url": committed_url})
    database = Database(async_engine(settings))
    real = running_app.state.database
    running_app.state.database = database
    async with _client_of(running_app) as client:
        yield client
    running_app.state.database = real
    await database.close()


def _client_of(app: FastAPI) -> AsyncClient:
    transport = ASGITransport(app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://testserver")


@pytest.fixture(scope="session")
def worker(committed_url: str) -> Iterator[Process]:
    """A Celery worker on that database, which may still be starting."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    # Looking for other workers takes a second, and there are none.
    alone = ("--concurrency=1", "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "tests.support.worker", "worker", *alone)
    # A warm shutdown takes two seconds.
    with running(*command, stop=signal.SIGKILL, DATABASE_URL=committed_url) as worker:
        yield worker


# --- Users ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def supabase() -> LocalSupabase:
    """The local Supabase of this process."""
    return _supabase[0]


@pytest.fixture
async def sign_in(session: AsyncSession, supabase: LocalSupabase) -> SignIn:
    """Create users with a session in Auth: `person = await sign_in(role=Role.ADMIN)`."""

    async def create(
        *, role: Role = Role.USER, status: Status = Status.APPROVED, aal: str = "aal1"
    ) -> Person:
        email = f"{uuid4().hex[:12]}@example.com"
        user = supabase.user(email)
        user_id = UUID(user.id)
        session.add(User(id=user_id, email=email, role=role, status=status))
        await session.commit()
        started = supabase.auth.new_session(user, "password")
        token = supabase.auth.access_token(user, started.id, claims={"aal": aal})
        return Person(user_id, email, {"Authorization": f"Bearer {token}"})

    return create
