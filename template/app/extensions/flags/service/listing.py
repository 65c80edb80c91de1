"""All flags with their state, for operators."""

from dataclasses import dataclass
from datetime import date

from app.core.database import Reader
from app.core.database.models import utcnow
from app.extensions.flags.schemas import Flag
from app.extensions.flags.service.declarations import declared
from app.extensions.flags.service.evaluation import is_local
from app.extensions.flags.snapshot import SNAPSHOTS


@dataclass(frozen=True)
class Listed:
    """A flag with its state."""

    flag: Flag
    killed: bool
    percentage: int | None
    exceptions: int  # users and groups with a value of their own

    @property
    def state(self) -> str:
        """The state in words."""
        if not is_local():
            return "PostHog decides"
        if self.killed:
            return "off for everybody"
        if self.percentage is None:
            return f"default: {'on' if self.flag.default else 'off'}"
        return f"{self.percentage} %"

    @property
    def is_expired(self) -> bool:
        """Whether the flag should be gone from the code."""
        return self.flag.expires <= today()


async def list_flags(reader: Reader) -> list[Listed]:
    """Return all declared flags, by name, as the database has them now."""
    SNAPSHOTS.evict()
    await SNAPSHOTS.refresh(reader)
    found = SNAPSHOTS.last
    return [
        Listed(
            flag,
            *found.states.get(name, (False, None)),
            exceptions=sum(name == other for other, *_ in found.overrides),
        )
        for name, flag in declared().items()
    ]


def today() -> date:
    """Return the day in UTC."""
    return utcnow().date()
