"""A process may die between any two statements; no part of its work is stored then."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app.core.tasks import TaskError
from app.extensions.credits.errors import HoldEndedError
from app.extensions.credits.service import (
    accounts,
    allocation,
    charges,
    entries,
    holds,
    periods,
    rates,
)
from app.extensions.users.models import Role, Status, User
from tests.extensions.credits.conftest import HOUR, OPERATION, Bank
from tests.extensions.credits.crashes import dying, steps

pytestmark = pytest.mark.slow

Work = Callable[[Session, UUID, UUID], Any]


def grant(session: Session, person: UUID, _: UUID) -> None:
    entries.grant(session, person, 5, "Thanks", key="one")


def adjust(session: Session, person: UUID, _: UUID) -> None:
    entries.adjust(session, person, -5, "Abuse", key="one")


def spend(session: Session, person: UUID, _: UUID) -> None:
    charges.spend(session, person, OPERATION, 5, key="one")


def place(session: Session, person: UUID, _: UUID) -> None:
    holds.place(session, person, 5, "Order", duration=HOUR)


def commit(session: Session, person: UUID, hold: UUID) -> None:
    holds.commit(session, person, hold, 7)


def release(session: Session, person: UUID, hold: UUID) -> None:
    holds.release(session, person, hold)


def expire(session: Session, _: UUID, __: UUID) -> None:
    holds.end_expired(session, charges=False)


def allocate(session: Session, _: UUID, __: UUID) -> None:
    allocation.allocate_due(session)


def stored(bank: Bank, person: UUID) -> list[Any]:
    """Everything that is stored about a user, without times."""
    account = "balance, held, allowance, entries, allocated_month"
    return [
        *bank.sql(f"SELECT {account} FROM app.credits_accounts WHERE user_id = :p", p=person),
        *bank.sql(
            "SELECT kind, amount, balance_after FROM app.credits_transactions"
            " WHERE user_id = :p ORDER BY position",
            p=person,
        ),
        *bank.sql(
            "SELECT amount, used, state FROM app.credits_holds WHERE user_id = :p ORDER BY id",
            p=person,
        ),
    ]


@pytest.mark.parametrize("work", [grant, adjust, spend, place, commit, release, expire, allocate])
def test_a_crash_at_any_statement_leaves_no_partial_change(bank: Bank, work: Work) -> None:
    def new_person() -> tuple[UUID, UUID]:
        person = bank.person(100, tier="standard")
        hold = bank.hold(person, 10, duration=timedelta() if work is expire else HOUR)
        if work is allocate:
            # Two months are enough; the test is repeated for each statement.
            two_before = (periods.month() - timedelta(days=40)).replace(day=1)
            change = "UPDATE app.credits_accounts SET allocated_month = :month WHERE user_id = :p"
            bank.sql(change, p=person, month=two_before)
        return person, hold

    person, hold = new_person()
    bank.do(rates.get_rate, OPERATION, "standard")  # caches the rates
    with steps(bank.engine) as seen:
        bank.do(work, person, hold)
    assert seen[-1] == "COMMIT"
    done = stored(bank, person)

    person, hold = new_person()
    before = stored(bank, person)
    assert before != done
    for moment in range(len(seen)):
        with pytest.raises(DBAPIError), dying(bank.engine, moment):
            bank.do(work, person, hold)
        assert stored(bank, person) == before, (moment, seen[moment])
    bank.do(work, person, hold)
    assert stored(bank, person) == done
    bank.check()


def test_a_crash_while_an_account_is_opened_leaves_no_account(bank: Bank) -> None:
    user_id = uuid4()
    user = User(id=user_id, email="new@example.com", role=Role.USER, status=Status.APPROVED)
    bank.do(lambda session: session.add(user))
    moment = 0
    while not stored(bank, user_id):
        try:
            with dying(bank.engine, moment):
                bank.do(accounts.lock_or_open, user_id)
        except DBAPIError:
            assert stored(bank, user_id) == []
        moment += 1
    assert moment > 5
    assert bank.balance(user_id) == (200, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_charge_that_crashes_is_paid_once_by_the_next_run(bank: Bank, fails: bool) -> None:
    """A run of a task dies at any statement; the next run has the same key."""

    def run(person: UUID) -> None:
        with bank.session() as session:
            with charges.charging(session, person, OPERATION, 10, key="task") as charge:
                charge.use(8)
                if fails:
                    raise TaskError("no way")
            session.commit()

    def attempt(person: UUID) -> bool:
        try:
            run(person)
        except TaskError:
            return True
        except DBAPIError:
            return False
        return True

    person = bank.person(100)
    bank.do(rates.get_rate, OPERATION, "enterprise")
    with steps(bank.engine) as seen:
        attempt(person)
    for moment in range(len(seen)):
        person = bank.person(100)
        with dying(bank.engine, moment):
            attempt(person)
        assert bank.balance(person) in ((100, 0), (90, 10)), (moment, seen[moment])
        assert attempt(person)
        assert bank.balance(person) == ((100, 0) if fails else (92, 0)), (moment, seen[moment])
        if not fails:
            assert attempt(person)
            assert bank.balance(person) == (92, 0)


def test_a_charge_that_was_left_behind_is_released_and_cannot_be_taken(
    bank: Bank,
) -> None:
    person = bank.person(100)
    with bank.session() as session:
        charge = charges.charging(session, person, OPERATION, 10)
        charge.__enter__()
        assert bank.do(holds.end_expired, charges=True) == 0
        bank.sql("UPDATE app.credits_holds SET expires_at = now() WHERE user_id = :p", p=person)
        assert bank.do(holds.end_expired, charges=True) == 1
        assert bank.balance(person) == (100, 0)
        # The error prevents that the caller commits the work.
        with pytest.raises(HoldEndedError):
            charge.__exit__(None, None, None)
    assert bank.balance(person) == (100, 0)
