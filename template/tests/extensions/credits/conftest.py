"""A bank for tests that commit: people with accounts, in a database of the test module's own."""

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
from app.extensions.credits.service.verify import faults
from app.extensions.users.models import Role, Status, User

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

OPERATION = "docs.embed"
HOUR = timedelta(hours=1)


# A test that waits for a lock which nobody gives back fails instead of standing still.
_NO_WAIT_FOR_EVER = (
    "DO $$ BEGIN EXECUTE format("
    "'ALTER DATABASE %I SET lock_timeout = ''15s''', current_database()); END $$"
)


class Bank:
    """Does things in transactions of their own, as several processes would."""

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
        """Do one thing and commit it."""
        with self.session() as session:
            result = work(session, *args, **kwargs)
            session.commit()
        return result

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a statement, behind everybody's back."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def person(self, balance: int = 0, tier: str = "enterprise") -> UUID:
        """A user with exactly that balance, none of it an allocation."""
        user_id = uuid4()

        def open_account(session: Session) -> None:
            email = f"{user_id.hex}@example.com"
            session.add(User(id=user_id, email=email, role=Role.USER, status=Status.APPROVED))
            session.flush()
            given = accounts.locked(session, user_id).balance
            accounts.set_tier(session, user_id, tier)
            entries.adjust(session, user_id, -given, "Emptied")
            if balance:
                entries.grant(session, user_id, balance, "Filled")

        self.do(open_account)
        return user_id

    def rate(self, operation: str = OPERATION, **values: Any) -> None:
        """Set a rate, 1 credit a unit where nothing else is said."""
        values = values or {"per_unit": 1}
        with self.session() as session:
            rates.set_rate(session, RateCreate(operation=operation, **values))

    def hold(self, user_id: UUID, amount: int, lasts: timedelta = HOUR) -> UUID:
        return self.do(holds.place, user_id, amount, "Test", lasts=lasts).id

    def balance(self, user_id: UUID) -> tuple[int, int]:
        """What may be spent, and what is held."""
        found = self.do(accounts.balance, user_id)
        return found.balance, found.held

    def ledger(self, user_id: UUID) -> list[tuple[str, int, int]]:
        """Kind, amount and balance after of each entry since the account was filled."""
        rows = self.sql(
            "SELECT kind, amount, balance_after, reason FROM app.credits_transactions"
            " WHERE user_id = :user ORDER BY position",
            user=user_id,
        )
        start = max(
            (n for n, row in enumerate(rows, 1) if row.reason in ("Filled", "Emptied")), default=0
        )
        return [(Kind(row.kind), row.amount, row.balance_after) for row in rows[start:]]

    def adds_up(self) -> None:
        """Every balance equals its ledger, and what is held its holds."""
        assert self.do(faults) == []


@pytest.fixture(scope="module")
def bank(database_url: str) -> Iterator[Bank]:
    engine = sync_engine(database_url, get_settings(), poolclass=NullPool)
    bank = Bank(engine)
    bank.sql(_NO_WAIT_FOR_EVER)
    bank.rate()
    yield bank
    bank.adds_up()
    engine.dispose()


@pytest.fixture(autouse=True)
def _forget_rates() -> Iterator[None]:
    """Tests have databases of their own; what this process remembers is of another."""
    rates.forget()
    yield
    rates.forget()


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
