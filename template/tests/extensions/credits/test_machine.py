"""Random concurrent operations with crashes: the ledger stays consistent.

Hypothesis generates rounds of operations. The operations of a round run concurrently, each in its
own thread and connection, and some die at a statement. A completed operation is stored exactly
once, and one that died before its commit is not stored.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, NullPool, event
from sqlmodel import Session

from app.core.database import sync_engine
from app.core.errors import AppError
from app.core.settings import get_settings
from app.extensions.credits.models import Kind
from app.extensions.credits.schemas import TransactionRead
from app.extensions.credits.service import charges, entries, holds
from tests.extensions.credits.conftest import HOUR, OPERATION, Bank

pytestmark = pytest.mark.slow

AMOUNTS = st.integers(0, 60)
MOMENTS = st.none() | st.integers(0, 8)


_POSITIONS = "SELECT position FROM app.credits_transactions WHERE user_id = :p"


class CrashError(Exception):
    """A simulated crash."""


@dataclass(frozen=True)
class Step:
    """An operation of a round, and the number of the statement or commit at which it dies."""

    kind: str
    amount: int
    hold: int
    key: str | None
    dies_at: int | None


STEPS = st.builds(
    Step,
    kind=st.sampled_from(
        ("grant", "adjust", "spend", "hold", "commit", "release", "expire", "settle", "charge")
    ),
    amount=AMOUNTS,
    hold=st.integers(0, 5),
    key=st.none() | st.sampled_from(("a", "b")),
    dies_at=MOMENTS,
)


class Ledger(RuleBasedStateMachine):
    """The model of one account: its entries that were returned, and their sum."""

    bank: ClassVar[Bank]
    url: ClassVar[str]

    @initialize(balance=st.integers(0, 200))
    def open_account(self, balance: int) -> None:
        self.person = self.bank.person(balance)
        self.start = balance
        self.first = len(self.bank.sql(_POSITIONS, p=self.person))
        self.holds: list[UUID] = []
        self.paid: dict[UUID, int] = {}

    @rule(steps=st.lists(STEPS, min_size=1, max_size=4))
    def happen_at_once(self, steps: list[Step]) -> None:
        together = Barrier(len(steps))
        with ThreadPoolExecutor(len(steps)) as pool:
            list(pool.map(lambda step: self.happen(step, together), steps))

    @invariant()
    def no_discrepancies(self) -> None:
        self.bank.check()
        balance, held = self.bank.balance(self.person)
        assert balance >= 0
        assert held >= 0
        ledger = self.bank.sql(
            "SELECT id, amount FROM app.credits_transactions WHERE user_id = :p"
            " AND kind IN ('addition', 'deduction', 'adjustment') AND position > :first",
            p=self.person,
            first=self.first,
        )
        written = {row.id: row.amount for row in ledger}
        assert self.paid.items() <= written.items()
        assert balance + held == self.start + sum(written.values())
        # Other entries come from a periodic task, or from a process that died after its commit.
        assert set(written) - set(self.paid) <= self.charged()

    def charged(self) -> set[UUID]:
        return {
            row.id
            for row in self.bank.sql(
                "SELECT id FROM app.credits_transactions WHERE user_id = :p"
                " AND kind = 'deduction' AND operation = :operation AND reference IS NOT NULL",
                p=self.person,
                operation=OPERATION,
            )
        }

    def happen(self, step: Step, together: Barrier) -> None:
        engine = dying_engine(self.url, step.dies_at)
        try:
            with Session(engine, expire_on_commit=False) as session:
                together.wait(30)
                entry = self.work(session, step)
                session.commit()
                if isinstance(entry, TransactionRead) and entry.kind is not Kind.RELEASE:
                    self.paid[entry.id] = entry.amount
                elif isinstance(entry, UUID):
                    self.holds.append(entry)
        except (AppError, CrashError):
            pass
        finally:
            engine.dispose()

    def work(self, session: Session, step: Step) -> Any:
        hold = self.holds[step.hold % len(self.holds)] if self.holds else None
        amount, key = step.amount, step.key
        match step.kind:
            case "grant":
                return entries.grant(session, self.person, amount + 1, "G", key=key and f"g{key}")
            case "adjust":
                return entries.adjust(session, self.person, -amount - 1, "A", key=key and f"a{key}")
            case "spend":
                return charges.spend(session, self.person, OPERATION, amount, key=key and f"s{key}")
            case "hold":
                duration = HOUR if step.hold % 2 else timedelta()
                return holds.place(session, self.person, amount, "H", duration=duration).id
            case "commit" if hold:
                return holds.commit(session, self.person, hold, amount)
            case "release" if hold:
                return holds.release(session, self.person, hold)
            case "charge":
                with charges.charging(session, self.person, OPERATION, amount, key=key):
                    pass
            case "expire":
                holds.end_expired(session, charges=False)
            case "settle":
                holds.end_expired(session, charges=True)
        return None


def dying_engine(url: str, dies_at: int | None) -> Engine:
    """The engine of one process that dies right before the statement or commit with this number."""
    engine = sync_engine(url, get_settings(), poolclass=NullPool)
    count = -1

    def step(*_: Any) -> None:
        nonlocal count
        count += 1
        if dies_at is not None and count >= dies_at:
            raise CrashError

    event.listen(engine, "before_cursor_execute", step)
    event.listen(engine, "commit", step)
    return engine


def test_random_operations_leave_a_consistent_ledger(bank: Bank, database_url: str) -> None:
    Ledger.bank, Ledger.url = bank, database_url
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=25,
            stateful_step_count=10,
            deadline=None,
            # No shrinking: it takes minutes, and failures are short anyway.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
