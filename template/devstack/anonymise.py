"""Replaces personal values: the same value of the same key always gets the same replacement.

The key is secret. Without it, somebody could replace a list of known addresses, and look which of
them are in a dump.
"""

import hmac
from collections.abc import Callable, Iterator
from itertools import count

from app.core.personal_data import Rule

_FIRST_NAMES = """
Ada Alan Alice Amir Anna Ben Carla Chen Daniel Elif Emma Felix Grace Hana Ines Ivan Jana Jonas
Kofi Lara Lena Liam Maja Marco Mina Nils Nora Omar Petra Priya Rosa Sara Tariq Tom Uma Vera Wei
Yara Yusuf Zoe
"""
_LAST_NAMES = """
Adams Baker Berg Bianchi Brandt Castro Costa Diaz Fischer Garcia Gupta Haas Hansen Ito Jansen
Kaya Keller Khan Klein Kovac Lang Larsen Lopez Meyer Moreau Novak Okafor Olsen Park Petrov Rossi
Sato Silva Singh Stein Tanaka Vogel Weber Wong Young
"""
_WORDS = """
amber autumn basket bridge candle canyon cedar circle cloud copper corner cotton desert dragon
falcon feather field forest garden ginger glacier harbor hollow island jasmine lantern lemon
maple marble meadow mirror mountain ocean orange orchard paper pebble pepper pillow planet
pocket prairie ribbon river saddle saffron shadow silver summer thunder timber tulip valley
velvet violet walnut water willow window winter yellow
"""

FIRST_NAMES, LAST_NAMES, WORDS = _FIRST_NAMES.split(), _LAST_NAMES.split(), _WORDS.split()


class Anonymiser:
    """Replaces values by one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._rules: dict[Rule, Callable[[str], str]] = {
            Rule.EMAIL: self._email,
            Rule.NAME: self._name,
            Rule.TEXT: self._text,
            Rule.TOKEN: self._token,
        }

    def replace(self, rule: Rule, value: str, kind: str, *, nullable: bool) -> str | None:
        """Return the replacement of a value in Postgres's text format; `kind` is its type."""
        if rule is Rule.EMPTY:
            return None if nullable else _empty(value, kind)
        if not value:
            return value
        if kind == "bytea":
            return f"\\x{self._digest(rule, value)}"
        return self._rules[rule](value)

    def _digest(self, rule: Rule, value: str) -> str:
        return hmac.digest(self._key, f"{rule}\0{value}".encode(), "sha256").hex()

    def _numbers(self, rule: Rule, value: str) -> Iterator[int]:
        for block in count():
            digest = self._digest(rule, f"{block}\0{value}")
            yield from (int(digest[start : start + 8], 16) for start in range(0, 64, 8))

    def _email(self, value: str) -> str:
        # Upper and lower case are one address.
        return f"user-{self._digest(Rule.EMAIL, value.strip().lower())[:16]}@example.com"

    def _token(self, value: str) -> str:
        return self._digest(Rule.TOKEN, value)[:16]

    def _name(self, value: str) -> str:
        numbers = self._numbers(Rule.NAME, value)
        first, last = (names[next(numbers) % len(names)] for names in (FIRST_NAMES, LAST_NAMES))
        name = f"{first} {last}"
        return name if len(name) <= len(value) else first[: len(value)]

    def _text(self, value: str) -> str:
        text = ""
        for number in self._numbers(Rule.TEXT, value):
            if len(text) >= len(value):
                break
            text += f" {WORDS[number % len(WORDS)]}" if text else WORDS[number % len(WORDS)]
        # No space at the end, so that a check against such values accepts it.
        cut = text[: len(value)]
        return (cut[:-1] + "s" if cut.endswith(" ") else cut).capitalize()


def _empty(value: str, kind: str) -> str:
    if kind in ("jsonb", "json"):
        return "[]" if value.startswith("[") else "{}"
    return ""
