"""What a release needs besides its code: every module of this folder has one `PART`."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A part of a release.

    `make` builds on this machine and returns the folder to copy. `command` is one of `app` that
    runs on the host. Each writes the folder `name` of the release, and `variable` names it.
    """

    name: str
    variable: str
    make: Callable[[Path], Path] | None = None
    command: Sequence[str] = field(default=())

    def described(self) -> Mapping[str, object]:
        """What the host needs to know."""
        return {"name": self.name, "variable": self.variable, "command": list(self.command)}


def parts() -> Iterator[Part]:
    """Yield the parts of this project."""
    for module in pkgutil.iter_modules(__path__):
        part: Part = importlib.import_module(f"{__name__}.{module.name}").PART
        yield part
