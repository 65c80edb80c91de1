"""Counts of what happens, for features that collect numbers.

Such a feature has a `counters.py` with `add(name, label, number)`. Without one, nothing is counted.
"""

from app.core.features import load


def count(name: str, label: str = "", number: int = 1) -> None:
    """Count something, after its transaction is committed.

    Args:
        name: in snake_case, with the unit or a plural, and `_total` at its end.
        label: one of few values, such as a state. Never an id, or what a caller sent.
        number: how often it happened.
    """
    for _, add in load("counters"):
        add(name, label, number)
