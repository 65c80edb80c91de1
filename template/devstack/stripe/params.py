"""The parameters of a request, read by name and type. A name that nothing has read is refused."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from devstack.stripe.errors import StripeError, invalid


class Params:
    """One level of the parameters.

    An empty value clears a field, so it reads as None. `has` tells it from a missing one.
    """

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        self._read: set[str] = set()
        self._children: list[Params] = []

    def name(self, key: str) -> str:
        """Return the full name of a parameter, for an error."""
        return f"{self._prefix}[{key}]" if self._prefix else key

    def has(self, key: str) -> bool:
        """Return whether the parameter was sent."""
        return key in self._values

    def ignore(self, *keys: str) -> None:
        """Accept parameters that change nothing here."""
        self._read.update(keys)

    def raw(self, key: str) -> Any:
        """Return the value as it was sent."""
        self._read.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Return a string."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise invalid("Invalid string", self.name(key))
        return value or None

    def required(self, key: str) -> str:
        """Return a string that must be there."""
        value = self.text(key)
        if value is None:
            raise StripeError(
                400,
                f"Missing required param: {self.name(key)}.",
                code="parameter_missing",
                param=self.name(key),
            )
        return value

    def integer(
        self, key: str, default: int | None = None, *, least: int | None = None
    ) -> int | None:
        """Return a whole number."""
        value = self.text(key)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            raise invalid(
                f"Invalid integer: {value}", self.name(key), "parameter_invalid_integer"
            ) from None
        if least is not None and number < least:
            raise invalid(
                f"This value must be greater than or equal to {least}.",
                self.name(key),
                "parameter_invalid_integer",
            )
        return number

    def number(self, key: str) -> float | None:
        """Return a number."""
        value = self.text(key)
        try:
            return None if value is None else float(value)
        except ValueError:
            raise invalid(f"Invalid decimal: {value}", self.name(key)) from None

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        value = self.text(key)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", self.name(key))
        return value == "true"

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str | None:
        """Return one of several words."""
        value = self.text(key)
        if value is None:
            return default
        if value not in (allowed := list(choices)):
            raise invalid(
                f"Invalid {self.name(key)}: must be one of {', '.join(allowed)}", self.name(key)
            )
        return value

    def mapping(self, key: str) -> dict[str, str]:
        """Return names and strings, such as metadata."""
        value = self.raw(key)
        if value in (None, ""):
            return {}
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise invalid("Invalid object", self.name(key))
        return dict(value)

    def texts(self, key: str) -> list[str]:
        """Return a list of strings."""
        value = self.raw(key)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise invalid("Invalid array", self.name(key))
        return list(value)

    def child(self, key: str) -> "Params | None":
        """Return the parameters below a name; None if there are none."""
        value = self.raw(key)
        if value in (None, ""):
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", self.name(key))
        return self._child(value, self.name(key))

    def children(self, key: str) -> "list[Params]":
        """Return a list of parameters below a name."""
        value = self.raw(key)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise invalid("Invalid array", self.name(key))
        return [self._child(each, f"{self.name(key)}[{n}]") for n, each in enumerate(value)]

    def given(self, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        """Return the values of those parameters that were sent."""
        return {key: read(key) for key, read in readers.items() if self.has(key)}

    def finish(self) -> None:
        """Refuse the parameters that nothing has read.

        Raises:
            StripeError: there is one.
        """
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            name = self.name(unknown[0])
            raise StripeError(
                400,
                f"Received unknown parameter: {name}. The local Stripe knows no such parameter.",
                code="parameter_unknown",
                param=name,
            )
        for child in self._children:
            child.finish()

    def _child(self, values: Mapping[str, Any], prefix: str) -> "Params":
        child = Params(values, prefix)
        self._children.append(child)
        return child
