"""Amounts as people read them."""

# Source: https://docs.stripe.com/currencies#zero-decimal
WHOLE = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905 - short
)
THOUSANDTHS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def shown(amount: int, currency: str) -> str:
    """Write an amount in the smallest unit of its currency, such as `19.00 EUR`."""
    digits = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    sign, units = ("-" if amount < 0 else ""), abs(amount)
    whole, part = divmod(units, 10**digits)
    return f"{sign}{whole}{f'.{part:0{digits}}' if digits else ''} {currency.upper()}"
