"""Many concurrent transactions: none overspends, and none deadlocks."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.extensions.credits.errors import InsufficientCreditsError
from app.extensions.credits.models import Kind
from app.extensions.credits.service import charges
from tests.extensions.credits.conftest import OPERATION, Bank

SPENDERS = 50


def test_fifty_spenders_on_one_account(bank: Bank) -> None:
    person = bank.person(100)

    def spend(number: int) -> int:
        try:
            if number % 2:
                return bank.do(charges.spend, person, OPERATION, 3).amount
            with bank.session() as session:
                with charges.charging(session, person, OPERATION, 3):
                    pass
                session.commit()
        except InsufficientCreditsError:
            return 0
        return -3

    with ThreadPoolExecutor(SPENDERS) as pool:
        spent = list(pool.map(spend, range(SPENDERS)))
    balance, held = bank.balance(person)
    assert held == 0
    assert balance == 100 + sum(spent)
    # Some were refused while others held credits, but in the end almost all credits are spent.
    assert 0 <= balance < 6
    kinds = [kind for kind, _, _ in bank.ledger(person)]
    assert kinds.count(Kind.DEDUCTION) == -sum(spent) // 3
    bank.check()


@pytest.mark.slow
def test_fifty_spenders_on_two_hundred_accounts(bank: Bank) -> None:
    people = [bank.person(8) for _ in range(200)]

    def spend(seed: int) -> list[int]:
        dice = random.Random(seed)
        spent = [0] * len(people)
        for _ in range(12):
            chosen = dice.randrange(len(people))
            try:
                bank.do(charges.spend, people[chosen], OPERATION, 3)
            except InsufficientCreditsError:
                continue
            spent[chosen] += 3
        return spent

    with ThreadPoolExecutor(SPENDERS) as pool:
        shares = list(pool.map(spend, range(SPENDERS)))
    for person, spent in zip(people, map(sum, zip(*shares, strict=True)), strict=True):
        assert bank.balance(person) == (8 - spent, 0)
    bank.check()
