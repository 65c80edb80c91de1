"""Holds: credits that are reserved, then taken or released, once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import Session

from app.core.errors import InvalidError, NotFoundError
from app.extensions.credits.errors import HoldEndedError, InsufficientCreditsError
from app.extensions.credits.models import Kind, Unfinished
from app.extensions.credits.service import accounts, holds, rates
from tests.extensions.credits.conftest import Bank

NOW = timedelta()


def test_a_hold_is_taken_in_part_and_the_rest_is_released(bank: Bank) -> None:
    person = bank.person(100)
    hold = bank.hold(person, 30)
    assert bank.balance(person) == (70, 30)
    bank.do(holds.commit, person, hold, 12)
    assert bank.balance(person) == (88, 0)
    assert bank.ledger(person) == [
        (Kind.HOLD, -30, 70), (Kind.RELEASE, 30, 100), (Kind.DEDUCTION, -12, 88)
    ]  # fmt: skip


@pytest.mark.parametrize(("used", "left"), [(None, 70), (30, 70), (0, 100)])
def test_a_hold_is_taken_completely_or_not_at_all(bank: Bank, used: int | None, left: int) -> None:
    person = bank.person(100)
    bank.do(holds.commit, person, bank.hold(person, 30), used)
    assert bank.balance(person) == (left, 0)


def test_held_credits_cannot_be_spent(bank: Bank) -> None:
    person = bank.person(100)
    bank.hold(person, 70)
    with pytest.raises(InsufficientCreditsError):
        bank.hold(person, 31)
    bank.hold(person, 30)
    assert bank.balance(person) == (0, 100)


@pytest.mark.parametrize("used", [31, -1])
def test_more_than_the_hold_cannot_be_taken(bank: Bank, used: int) -> None:
    person = bank.person(100)
    hold = bank.hold(person, 30)
    with pytest.raises(InvalidError):
        bank.do(holds.commit, person, hold, used)
    assert bank.balance(person) == (70, 30)


def test_the_hold_of_another_user_is_not_found(bank: Bank) -> None:
    owner, other = bank.person(100), bank.person(100)
    hold = bank.hold(owner, 30)
    for user_id, hold_id in ((other, hold), (owner, uuid4())):
        with pytest.raises(NotFoundError):
            bank.do(holds.release, user_id, hold_id)
    assert bank.balance(owner) == (70, 30)


def settle(session: Session, *_: Any) -> None:
    holds.end_expired(session, charges=False)


ENDS: list[Callable[..., Any]] = [holds.commit, holds.release, settle]


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_concurrent_ends_of_a_hold_count_once(
    bank: Bank, first: Callable[..., Any], second: Callable[..., Any]
) -> None:
    person = bank.person(100)
    hold = bank.hold(person, 30, duration=NOW)
    together = Barrier(2)

    def end(way: Callable[..., Any]) -> bool:
        with bank.session() as session:
            session.connection()
            together.wait(20)
            try:
                way(session, person, hold)
                session.commit()
            except HoldEndedError:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(end, (first, second)))
    assert any(results)
    kinds = [kind for kind, _, _ in bank.ledger(person)]
    if settle not in (first, second):
        assert sorted(results) == [False, True]
    assert kinds.count(Kind.RELEASE) == 1
    assert bank.balance(person) in ((100, 0), (70, 0))
    assert bank.balance(person)[0] == (70 if Kind.DEDUCTION in kinds else 100)


def test_only_expired_holds_are_released(bank: Bank) -> None:
    person = bank.person(100)
    bank.hold(person, 10, duration=NOW)
    bank.hold(person, 20, duration=NOW)
    kept = bank.hold(person, 30)
    assert bank.do(holds.end_expired, charges=False) == 1
    assert bank.balance(person) == (70, 30)
    assert bank.do(holds.end_expired, charges=False) == 0
    bank.do(holds.release, person, kept)
    states = bank.sql(
        "SELECT state FROM app.credits_holds WHERE user_id = :user ORDER BY id", user=person
    )
    assert [state for (state,) in states] == ["expired", "expired", "released"]


@pytest.mark.parametrize(("rule", "left"), [(Unfinished.RELEASE, 100), (Unfinished.COMMIT, 70)])
def test_a_charge_that_was_left_behind_ends_as_its_rate_requires(
    bank: Bank, rule: Unfinished, left: int
) -> None:
    operation = f"docs.{rule}"
    bank.rate(operation, fixed=30, unfinished=rule)
    person = bank.person(100)

    def charge(session: Session) -> None:
        account = accounts.lock_or_open(session, person)
        rate = rates.get_rate(session, operation, account.tier)
        holds.place_on(
            session, account, 30, reason=operation, duration=NOW,
            operation=operation, unfinished=rate.unfinished,
        )  # fmt: skip

    bank.do(charge)
    assert bank.do(holds.end_expired, charges=False) == 0
    assert bank.balance(person) == (70, 30)
    assert bank.do(holds.end_expired, charges=True) == 1
    assert bank.do(holds.end_expired, charges=True) == 0
    assert bank.balance(person) == (left, 0)


def test_concurrent_runs_share_the_accounts(bank: Bank) -> None:
    people = [bank.person(10) for _ in range(6)]
    for person in people:
        bank.hold(person, 10, duration=NOW)
    with bank.session() as slow:
        assert accounts.lock_or_open(slow, people[0]).balance == 0
        # A run skips the locked account.
        assert bank.do(holds.end_expired, charges=False) == 5
    assert bank.do(holds.end_expired, charges=False) == 1
    with ThreadPoolExecutor(2) as pool:
        for person in people:
            bank.hold(person, 10, duration=NOW)
        runs = [pool.submit(bank.do, holds.end_expired, charges=False) for _ in range(2)]
        assert sum(run.result() for run in runs) == 6
    assert {bank.balance(person) for person in people} == {(10, 0)}
