"""The ledger: entries cannot change, and the balance is their sum."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.errors import ConflictError
from app.extensions.credits.errors import InsufficientCreditsError, KeyReusedError
from app.extensions.credits.models import Kind
from app.extensions.credits.schemas import TransactionRead
from app.extensions.credits.service import accounts, charges, entries, ledger
from app.extensions.credits.service.verify import find_discrepancies
from tests.extensions.credits.conftest import OPERATION, Bank


def test_an_entry_of_any_kind_changes_the_balance(bank: Bank) -> None:
    person = bank.person(100)
    bank.do(entries.grant, person, 20, "Thanks")
    bank.do(entries.adjust, person, -5, "Too much")
    bank.do(charges.spend, person, OPERATION, 15)
    assert bank.ledger(person) == [
        (Kind.ADDITION, 20, 120),
        (Kind.ADJUSTMENT, -5, 115),
        (Kind.DEDUCTION, -15, 100),
    ]
    assert bank.balance(person) == (100, 0)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE app.credits_transactions SET amount = amount + 1 WHERE user_id = :user",
        "UPDATE app.credits_transactions SET reason = 'x', synced_at = now() WHERE user_id = :user",
        "DELETE FROM app.credits_transactions WHERE user_id = :user",
        "TRUNCATE app.credits_transactions",
    ],
)
def test_an_entry_cannot_be_changed_or_deleted(bank: Bank, change: str) -> None:
    person = bank.person(1)
    with pytest.raises(DBAPIError) as refused:
        bank.sql(change, user=person)
    assert refused.value.orig.sqlstate == "23001"  # type: ignore[union-attr]


def test_the_ledger_of_a_deleted_user_is_kept(bank: Bank) -> None:
    person = bank.person(1)
    bank.sql("DELETE FROM app.users WHERE id = :user", user=person)
    balance = "SELECT sum(amount) FROM app.credits_transactions WHERE user_id = :user"
    assert bank.sql(balance, user=person) == [(1,)]


@pytest.mark.parametrize(
    ("kind", "amount"),
    [(Kind.ADDITION, -1), (Kind.ADDITION, 0), (Kind.DEDUCTION, 1), (Kind.HOLD, 1),
     (Kind.RELEASE, -1), (Kind.EXPIRY, 1), (Kind.ADJUSTMENT, 0)],
)  # fmt: skip
def test_the_database_checks_the_sign_of_each_kind(bank: Bank, kind: Kind, amount: int) -> None:
    person = bank.person(10)
    with (
        pytest.raises(IntegrityError, match="ck_credits_transactions_sign"),
        bank.session() as session,
    ):
        ledger.post(session, accounts.lock_or_open(session, person), kind, amount, reason="Wrong")


def test_more_than_the_balance_cannot_be_spent(bank: Bank) -> None:
    person = bank.person(12)
    with pytest.raises(InsufficientCreditsError) as refused:
        bank.do(charges.spend, person, OPERATION, 30)
    assert refused.value.members == {"required": 30, "available": 12, "missing": 18}
    with pytest.raises(ConflictError) as kept:
        bank.do(entries.adjust, person, -13, "Too much")
    assert kept.value.code == "balance_too_low"
    assert bank.ledger(person) == []


def test_a_repeated_grant_counts_once(bank: Bank) -> None:
    person = bank.person()
    first = bank.do(entries.grant, person, 5, "Order 7", key="order-7")
    assert bank.do(entries.grant, person, 5, "Order 7", key="order-7") == first
    assert bank.balance(person) == (5, 0)
    for amount, reason in ((6, "Order 7"), (5, "Order 8")):
        with pytest.raises(KeyReusedError):
            bank.do(entries.grant, person, amount, reason, key="order-7")
    with pytest.raises(KeyReusedError):
        bank.do(entries.adjust, person, 5, "Order 7", key="order-7")
    other = bank.person()
    assert bank.do(entries.grant, other, 5, "Order 7", key="order-7").user_id == other


@pytest.mark.parametrize("work", [entries.grant, charges.spend])
def test_concurrent_calls_with_one_key_return_the_same_entry(bank: Bank, work: Any) -> None:
    person = bank.person(100)
    more = (OPERATION, 5) if work is charges.spend else (5, "Order 7")
    together = Barrier(6)

    def once(_: int) -> TransactionRead:
        with bank.session() as session:
            session.connection()
            together.wait(20)
            entry: TransactionRead = work(session, person, *more, key="same")
            session.commit()
            return entry

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(once, range(6)))
    assert found == [found[0]] * 6
    assert len(bank.ledger(person)) == 1


def test_a_repeated_payment_counts_once(bank: Bank) -> None:
    person = bank.person(10)
    first = bank.do(charges.spend, person, OPERATION, 4, key="page-1")
    assert bank.do(charges.spend, person, OPERATION, 4, key="page-1") == first
    bank.rate("docs.parse")
    with pytest.raises(KeyReusedError):
        bank.do(charges.spend, person, "docs.parse", 4, key="page-1")
    assert bank.balance(person) == (6, 0)


@pytest.mark.parametrize(
    ("tampering", "undone", "field", "value"),
    [
        ("balance = balance + 1", "balance = balance - 1", "balance", 11),
        ("held = held + 1", "held = held - 1", "held", 1),
        ("entries = entries + 1", "entries = entries - 1", "entries", 5),
    ],
)
def test_verify_finds_a_changed_account(
    bank: Bank, tampering: str, undone: str, field: str, value: int
) -> None:
    person: UUID = bank.person(10)
    bank.sql(f"UPDATE app.credits_accounts SET {tampering} WHERE user_id = :user", user=person)
    (found,) = bank.do(find_discrepancies)
    assert (found.user_id, getattr(found, field)) == (person, value)
    bank.sql(f"UPDATE app.credits_accounts SET {undone} WHERE user_id = :user", user=person)


def test_verify_finds_a_changed_entry(bank: Bank) -> None:
    person = bank.person(10)
    change = "UPDATE app.credits_transactions SET balance_after = balance_after {} 1"
    change += " WHERE user_id = :user AND position = 1"
    bank.sql("ALTER TABLE app.credits_transactions DISABLE TRIGGER append_only")
    bank.sql(change.format("+"), user=person)
    (found,) = bank.do(find_discrepancies)
    assert (found.user_id, found.unchained) == (person, 1)
    bank.sql(change.format("-"), user=person)
    bank.sql("ALTER TABLE app.credits_transactions ENABLE TRIGGER append_only")
