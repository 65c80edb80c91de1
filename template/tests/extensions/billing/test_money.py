"""Amounts as people read them."""

import pytest

from app.extensions.billing.service.money import shown


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1900, "eur", "19.00 EUR"),
        (5, "eur", "0.05 EUR"),
        (-1905, "eur", "-19.05 EUR"),
        (1900, "jpy", "1900 JPY"),
        (-1900, "kwd", "-1.900 KWD"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert shown(amount, currency) == text
