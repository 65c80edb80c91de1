"""`Bank`: users with accounts, for tests that commit, in a database for each test module."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, NullPool, text
from sqlmodel import Session

from app.core.database import sync_engine
from app.core.settings import get_settings, load_settings
from app.extensions.credits.models import Kind
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, entries, holds, rates
from app.extensions.credits.service.verify import find_discrepancies
from app.extensions.users.models import Role, Status, User

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

OPERATION = "docs.embed"
HOUR = timedelta(hours=1)


# A test that waits for a lock that is never released fails instead of hanging.
_LIMIT_LOCK_WAITS = (
    "DO $$ BEGIN EXECUTE format("
    "'ALTER DATABASE %I SET lock_timeout = ''15s''', current_database()); END $$"
)


class Bank:
    """Calls services, each call in its own transaction, as several processes do."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def do(
        self,
        work: Callable[Concatenate[Session, Parameters], Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Call a service, commit, and return its result."""
        with self.session() as session:
            result = work(session, *args, **kwargs)
            session.commit()
        return result

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Execute a statement directly and return its rows."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def person(self, balance: int = 0, tier: str = "enterprise") -> UUID:
        """Create a user with this balance, without an allocation."""
        user_id = uuid4()

        def open_account(session: Session) -> None:
            email = f"{user_id.hex}@example.com"
            session.add(User(id=user_id, email=email, role=Role.USER, status=Status.APPROVED))
            session.flush()
            allocated = accounts.lock_or_open(session, user_id).balance
            accounts.set_tier(session, user_id, tier)
            entries.adjust(session, user_id, -allocated, "Emptied")
            if balance:
                entries.grant(session, user_id, balance, "Filled")

        self.do(open_account)
        return user_id

    def rate(self, operation: str = OPERATION, **values: Any) -> None:
        """Set a rate, by default one credit per unit."""
        values = values or {"per_unit": 1}
        with self.session() as session:
            rates.set_rate(session, RateCreate(operation=operation, **values))

    def hold(self, user_id: UUID, amount: int, duration: timedelta = HOUR) -> UUID:
        return self.do(holds.place, user_id, amount, "Test", duration=duration).id

    def balance(self, user_id: UUID) -> tuple[int, int]:
        """Return the balance and the held credits."""
        found = self.do(accounts.get_balance, user_id)
        return found.balance, found.held

    def ledger(self, user_id: UUID) -> list[tuple[str, int, int]]:
        """Return kind, amount and balance of the entries after those of `person`."""
        rows = self.sql(
            "SELECT kind, amount, balance_after, reason FROM app.credits_transactions"
            " WHERE user_id = :user ORDER BY position",
            user=user_id,
        )
        start = max(
            (n for n, row in enumerate(rows, 1) if row.reason in ("Filled", "Emptied")), default=0
        )
        return [(Kind(row.kind), row.amount, row.balance_after) for row in rows[start:]]

    def check(self) -> None:
        """Assert that there are no discrepancies."""
        assert self.do(find_discrepancies) == []


@pytest.fixture(scope="module")
def bank(database_url: str) -> Iterator[Bank]:
    engine = sync_engine(database_url, get_settings(), poolclass=NullPool)
    bank = Bank(engine)
    bank.sql(_LIMIT_LOCK_WAITS)
    bank.rate()
    yield bank
    bank.check()
    engine.dispose()


@pytest.fixture(autouse=True)
def _clear_rates() -> Iterator[None]:
    """Clear the cache of rates: each test module has another database."""
    rates.clear_cache()
    yield
    rates.clear_cache()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set variables of the environment for one test."""

    def configure(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()

    yield configure
    monkeypatch.undo()
    load_settings.cache_clear()
