"""Failures on purpose, for tests of what a backend does when Stripe is slow, busy or down."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["error", "rate_limit", "lock_timeout", "drop", "lost"]
STATUS = {"rate_limit": 429, "lock_timeout": 429, "error": 500}


@dataclass
class Fault:
    """What happens to requests that match.

    Args:
        path: regular expression for the whole path, such as `/v1/customers.*`.
        method: HTTP method; empty for each.
        kind: `error` answers a status without doing anything, `rate_limit` and `lock_timeout`
            answer 429, `drop` closes the connection without doing anything, and `lost` does what
            was asked and then closes the connection. None only delays.
        status: of `error`.
        seconds: delay before anything happens.
        times: how often; None for each request until the faults are cleared.
        after: how many matching requests pass first.
    """

    path: str = ".*"
    method: str = ""
    kind: Kind | None = None
    status: int = 500
    seconds: float = 0.0
    times: int | None = 1
    after: int = 0
    # How many requests it has met.
    met: int = field(default=0)


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        re.compile(fault.path)
        self._faults.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Return the faults, as JSON."""
        return [asdict(each) for each in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, and count it."""
        for fault in self._faults:
            if fault.method not in ("", method) or not re.fullmatch(fault.path, path):
                continue
            fault.met += 1
            if fault.met <= fault.after:
                continue
            if fault.times is None or fault.met <= fault.after + fault.times:
                return fault
        return None
