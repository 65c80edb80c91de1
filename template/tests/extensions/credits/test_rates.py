"""Rates: by tier, by version, and cached."""

from datetime import timedelta

import pytest
from cachetools import TTLCache

from app.core.database.models import utcnow
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.extensions.credits.errors import NoRateError
from app.extensions.credits.schemas import RateCreate
from app.extensions.credits.service import accounts, charges, rates
from tests.extensions.credits.conftest import Bank


def price(bank: Bank, operation: str, units: int, tier: str = "free") -> int:
    return bank.do(rates.get_rate, operation, tier).price(units)


def test_a_rate_has_fixed_and_unit_prices_and_may_be_of_one_tier(bank: Bank) -> None:
    bank.rate("mix.all", fixed=10, per_unit=3)
    bank.rate("mix.all", tier="premium", per_unit=2)
    assert price(bank, "mix.all", 5) == 25
    assert price(bank, "mix.all", 0) == 10
    assert price(bank, "mix.all", 5, "premium") == 10
    assert price(bank, "mix.all", 5, "enterprise") == 25


@pytest.mark.parametrize("operation", ["mix.al", "mix.all.more", "mix", "xmix.all", "Mix.all"])
def test_an_operation_without_a_rate_is_refused(bank: Bank, operation: str) -> None:
    bank.rate("mix.all")
    person = bank.person(100)
    with pytest.raises(NoRateError):
        bank.do(charges.spend, person, operation)
    assert bank.ledger(person) == []


def test_a_negative_number_of_units_is_refused(bank: Bank) -> None:
    person = bank.person(100)
    with pytest.raises(ValueError, match="-1"):
        bank.do(charges.spend, person, "docs.embed", -1)


def test_a_rate_applies_from_its_start_and_earlier_versions_are_kept(bank: Bank) -> None:
    bank.rate("time.ly", per_unit=1)
    later = utcnow() + timedelta(days=1)
    bank.rate("time.ly", per_unit=5, valid_from=later)
    assert price(bank, "time.ly", 1) == 1
    bank.rate("time.ly", per_unit=2)
    assert price(bank, "time.ly", 1) == 2
    # The start of the future rate is now.
    bank.sql("UPDATE app.credits_rates SET valid_from = now() WHERE per_unit = 5")
    rates.clear_cache()
    assert price(bank, "time.ly", 1) == 5
    assert [rate.per_unit for rate in bank.do(rates.list_versions, "time.ly")] == [5, 2, 1]


def test_a_wrong_start_or_tier_of_a_rate_is_refused(bank: Bank) -> None:
    later = utcnow() + timedelta(days=1)
    bank.rate("no.way", valid_from=later)
    for values, refusal in (
        ({"valid_from": utcnow() - timedelta(minutes=1)}, InvalidError),
        ({"valid_from": later}, ConflictError),
        ({"tier": "golden"}, NotFoundError),
    ):
        with pytest.raises(refusal), bank.session() as session:
            rates.set_rate(session, RateCreate.model_validate({"operation": "no.way", **values}))


def test_a_process_caches_rates_for_a_limited_time(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    cache: TTLCache[str, rates.Rates] = TTLCache(1, ttl=5.0, timer=lambda: clock[0])
    monkeypatch.setattr(rates, "_cache", cache)
    bank.rate("cached.one", per_unit=1)
    assert price(bank, "cached.one", 1) == 1
    # Another process sets another rate.
    bank.sql("UPDATE app.credits_rates SET per_unit = 9 WHERE operation = 'cached.one'")
    assert price(bank, "cached.one", 1) == 1
    clock[0] = 4.9
    assert price(bank, "cached.one", 1) == 1
    clock[0] = 5.1
    assert price(bank, "cached.one", 1) == 9
    bank.rate("cached.one", per_unit=7)
    assert price(bank, "cached.one", 1) == 7


def test_the_rates_of_a_new_tier_apply_at_once(bank: Bank) -> None:
    bank.rate("mix.tier", per_unit=3)
    bank.rate("mix.tier", tier="premium", per_unit=1)
    person = bank.person(100, tier="free")
    assert bank.do(charges.spend, person, "mix.tier").amount == -3
    bank.do(accounts.set_tier, person, "premium")
    assert bank.do(charges.spend, person, "mix.tier").amount == -1
    with pytest.raises(NotFoundError):
        bank.do(accounts.set_tier, person, "golden")
