"""The monthly allocation, the expiry of unspent credits, and the daily limit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlmodel import Session

from app.extensions.credits.errors import DailyLimitError
from app.extensions.credits.models import Kind
from app.extensions.credits.service import (
    accounts,
    allocation,
    charges,
    entries,
    holds,
    ledger,
    periods,
)
from tests.extensions.credits.conftest import OPERATION, Bank

# Sets the month of the last allocation back.
ONE_MONTH_BACK = (
    "UPDATE app.credits_accounts SET allocated_month = allocated_month - interval '1 month'"
)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time from which days and months are computed."""

    def at(moment: datetime) -> None:
        monkeypatch.setattr(periods, "utcnow", lambda: moment)

    return at


@pytest.fixture
def next_month(bank: Bank, at: Callable[[datetime], None]) -> Callable[[], int]:
    """Move on to the next month and allocate it to all accounts."""
    months = iter(datetime(2030 + n // 12, n % 12 + 1, 1, 0, 5, tzinfo=UTC) for n in range(24))

    def begin() -> int:
        at(next(months))
        return run(bank)

    begin()
    return begin


def run(bank: Bank) -> int:
    total = 0
    while count := bank.do(allocation.allocate_due):
        total += count
    return total


def allocated(bank: Bank, person: UUID) -> list[int]:
    return [amount for kind, amount, _ in bank.ledger(person) if kind is Kind.ADDITION]


def test_repeated_runs_allocate_a_month_once(bank: Bank, next_month: Callable[[], int]) -> None:
    person = bank.person(tier="standard")
    assert next_month() >= 1
    assert run(bank) == 0
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: run(bank), range(3))) == [0, 0, 0]
    assert allocated(bank, person) == [1_000]


def test_an_account_gets_a_month_once(bank: Bank, next_month: Callable[[], int]) -> None:
    person = bank.person(tier="standard")

    def twice(session: Session) -> list[bool]:
        account, month = accounts.lock_or_open(session, person), date(2030, 2, 1)
        return [allocation.allocate(session, account, month) for _ in range(2)]

    assert bank.do(twice) == [True, False]
    assert allocated(bank, person) == [1_000]


def test_concurrent_runs_allocate_a_month_once(
    bank: Bank, next_month: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 3)
    people = [bank.person(tier="standard") for _ in range(10)]
    bank.sql(ONE_MONTH_BACK)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: run(bank), range(2)))
    assert sum(counts) >= len(people)
    assert [allocated(bank, person) for person in people] == [[1_000]] * 10


def test_a_run_continues_after_one_that_died(
    bank: Bank, next_month: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 2)
    people = [bank.person(tier="standard") for _ in range(5)]
    bank.sql(ONE_MONTH_BACK)
    bank.do(allocation.allocate_due)
    with bank.session() as dying:
        allocation.allocate_due(dying)
    run(bank)
    assert [allocated(bank, person) for person in people] == [[1_000]] * 5


@pytest.mark.parametrize(
    ("tier", "spent", "balance"),
    [
        # The unspent part of the allocation, less the expired part, plus the next allocation.
        ("free", 30, 100),
        ("standard", 300, 700 + 1_000),
        ("standard", 0, 1_000 + 1_000),
        ("premium", 0, 10_000 + 10_000),
        ("enterprise", 0, 200_000),
    ],
)
def test_a_tier_limits_the_rollover(
    bank: Bank, next_month: Callable[[], int], tier: str, spent: int, balance: int
) -> None:
    person = bank.person(tier=tier)
    next_month()
    if spent:
        bank.do(charges.spend, person, OPERATION, spent)
    next_month()
    assert bank.balance(person) == (balance, 0)


def test_the_rollover_stays_limited_over_months(bank: Bank, next_month: Callable[[], int]) -> None:
    person = bank.person(tier="standard")
    for _ in range(4):
        next_month()
    assert bank.balance(person) == (2_000, 0)
    assert [amount for kind, amount, _ in bank.ledger(person) if kind is Kind.EXPIRY] == [
        -1_000, -1_000
    ]  # fmt: skip


def test_grants_do_not_expire_and_the_allocation_is_spent_first(
    bank: Bank, next_month: Callable[[], int]
) -> None:
    person = bank.person(500, tier="free")
    next_month()
    bank.do(charges.spend, person, OPERATION, 60)
    next_month()
    assert bank.balance(person) == (600, 0)
    bank.do(charges.spend, person, OPERATION, 90)
    bank.do(charges.spend, person, OPERATION, 40)
    next_month()
    assert bank.balance(person) == (570, 0)


def test_a_grant_does_not_expire_after_a_correction(
    bank: Bank, next_month: Callable[[], int]
) -> None:
    person = bank.person(tier="free")
    next_month()
    bank.do(entries.adjust, person, -100, "Abuse")
    bank.do(entries.grant, person, 40, "Bought")
    next_month()
    assert bank.balance(person) == (140, 0)


def test_held_credits_do_not_expire(bank: Bank, next_month: Callable[[], int]) -> None:
    person = bank.person(tier="free")
    next_month()
    first, second = bank.hold(person, 30), bank.hold(person, 20)
    next_month()
    assert bank.balance(person) == (100, 50)
    bank.do(holds.commit, person, first)
    bank.do(holds.release, person, second)
    assert bank.balance(person) == (120, 0)
    next_month()
    assert bank.balance(person) == (100, 0)


def test_missed_months_are_allocated_later(bank: Bank, at: Callable[[datetime], None]) -> None:
    at(datetime(2040, 1, 20, tzinfo=UTC))
    bank.sql("UPDATE app.credits_accounts SET allocated_month = '2040-04-01'")
    person = bank.person(tier="standard")
    at(datetime(2040, 4, 17, 3, tzinfo=UTC))
    run(bank)
    rows = bank.sql(
        "SELECT reference, amount FROM app.credits_transactions"
        " WHERE user_id = :person AND reference > '2040-01' ORDER BY position",
        person=person,
    )
    assert [tuple(row) for row in rows] == [
        ("2040-02", 1_000), ("2040-03", 1_000), ("2040-04", -1_000), ("2040-04", 1_000)
    ]  # fmt: skip
    assert bank.balance(person) == (2_000, 0)
    # On a machine whose clock is behind, nothing happens.
    at(datetime(2040, 3, 31, 23, tzinfo=UTC))
    assert run(bank) == 0


def test_a_new_account_has_this_months_allocation_at_once(
    bank: Bank, at: Callable[[datetime], None]
) -> None:
    at(datetime(2041, 1, 31, tzinfo=UTC))
    bank.sql("UPDATE app.credits_accounts SET allocated_month = '2041-01-01'")
    user = bank.person()
    rows = bank.sql(
        "SELECT reason, amount FROM app.credits_transactions WHERE user_id = :user"
        " ORDER BY position LIMIT 2",
        user=user,
    )
    assert [tuple(row) for row in rows] == [("Welcome", 100), ("Monthly allocation", 100)]
    assert bank.do(allocation.allocate_due) == 0
    assert bank.do(accounts.get_balance, user).allowance == 0


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), date(2026, 10, 31)),
        ("UTC", datetime(2026, 11, 1, tzinfo=UTC), date(2026, 11, 1)),
        ("Pacific/Auckland", datetime(2026, 10, 31, 11, 30, tzinfo=UTC), date(2026, 11, 1)),
        ("America/Los_Angeles", datetime(2026, 11, 1, 6, 59, tzinfo=UTC), date(2026, 10, 31)),
        ("America/Los_Angeles", datetime(2026, 11, 1, 7, tzinfo=UTC), date(2026, 11, 1)),
        ("Pacific/Kiritimati", datetime(2026, 12, 31, 10, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_days_and_months_start_in_the_configured_time_zone(
    configure: Callable[..., None], zone: str, moment: datetime, day: date
) -> None:
    configure(CELERY_TIMEZONE=zone)
    assert periods.today(moment) == day
    assert periods.month(moment) == day.replace(day=1)


def test_a_day_at_the_start_of_summer_time_is_shorter(configure: Callable[..., None]) -> None:
    configure(CELERY_TIMEZONE="Europe/Berlin")
    begin, end = periods.start_of(date(2026, 3, 29)), periods.start_of(date(2026, 3, 30))
    assert (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() == 23 * 3600


def test_a_tier_limits_the_charges_of_a_day(bank: Bank, at: Callable[[datetime], None]) -> None:
    bank.sql("UPDATE app.credits_tiers SET daily_charges = 2 WHERE name = 'free'")
    person = bank.person(100, tier="free")
    at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    for _ in range(2):
        bank.do(charges.spend, person, OPERATION)
    with pytest.raises(DailyLimitError):
        bank.do(charges.spend, person, OPERATION)
    at(datetime(2026, 11, 22, tzinfo=UTC))
    bank.do(charges.spend, person, OPERATION)
    found = bank.do(accounts.get_balance, person)
    assert (found.charges_today, found.daily_charges, found.balance) == (1, 2, 97)
    bank.sql("UPDATE app.credits_tiers SET daily_charges = 0 WHERE name = 'free'")
    at(datetime(2026, 11, 23, tzinfo=UTC))
    with pytest.raises(DailyLimitError):
        bank.do(charges.spend, person, OPERATION)
    bank.sql("UPDATE app.credits_tiers SET daily_charges = 100 WHERE name = 'free'")


def test_concurrent_charges_do_not_exceed_the_limit(bank: Bank) -> None:
    bank.sql("UPDATE app.credits_tiers SET daily_charges = 3 WHERE name = 'free'")
    person = bank.person(100, tier="free")

    def spend(_: int) -> bool:
        try:
            bank.do(charges.spend, person, OPERATION)
        except DailyLimitError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(spend, range(8))) == 3
    assert bank.balance(person) == (97, 0)
    bank.sql("UPDATE app.credits_tiers SET daily_charges = 100 WHERE name = 'free'")
