"""How features declare flags, and what the API says about them.

A feature has them in its `flags.py`:

    FLAGS = (
        Flag("orders.express", "Express delivery.", owner="checkout", expires=date(2027, 3, 1)),
    )
"""

import re
from dataclasses import dataclass
from datetime import date

from pydantic import RootModel

NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Flag:
    """A flag.

    Args:
        name: it starts with the name of the feature: `orders.express`.
        description: what is different where it is on.
        owner: who removes it from the code.
        expires: the day from which it should be gone; `app flags list` and `app doctor` say so.
        default: its value until somebody sets it, and while nobody can tell.

    Raises:
        ValueError: the name has another form.
    """

    name: str
    description: str
    owner: str
    expires: date
    default: bool = False

    def __post_init__(self) -> None:
        """Check the name."""
        if not NAME.fullmatch(self.name):
            raise ValueError(f"a flag is named feature.flag in snake_case, not {self.name!r}")


class FlagValues(RootModel[dict[str, bool]]):
    """Name of each flag, and whether it is on for the caller."""
