"""Who holds an account: a user, or something else that a feature knows.

The key of an account is the id of its holder. A feature with other holders than users defines these
three functions in its `credits.py`, the dependency `current_holder`, see `deps`, and `HOLDERS`, the
name of their table:

    def payer(session: Session, user_id: UUID) -> UUID | None: ...
    def opening(session: Session, holder_id: UUID) -> Opening | None: ...
    def find(session: Session, holder: UUID | str) -> UUID | None: ...

Each returns None if the feature has nothing to say about it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.features import load
from app.core.settings import load_settings
from app.extensions.credits.settings import CreditSettings


@dataclass(frozen=True)
class Holder:
    """The holder of the account that a request is about."""

    id: UUID
    manages: bool = True  # whether the caller may see the ledger and the holds

    def key(self, user_id: UUID, key: str) -> str:
        """Return an idempotency key that a user sent, as the account stores it.

        Users who share an account may send the same key for different requests.
        """
        return f"request:{key}" if user_id == self.id else f"request:{user_id}:{key}"


@dataclass(frozen=True)
class Opening:
    """How a new account starts."""

    tier: str
    welcome: int


def payer(session: Session, user_id: UUID) -> UUID:
    """Return who pays for the work of a user that is running now; by default, the user."""
    return _first("payer", session, user_id) or user_id


def opening(session: Session, holder_id: UUID) -> Opening:
    """Return how the account of a holder starts; by default, as the settings say."""
    settings = load_settings(CreditSettings)
    usual = Opening(settings.default_tier, settings.welcome)
    return _first("opening", session, holder_id) or usual


def find(session: Session, holder: UUID | str) -> UUID | None:
    """Return the holder with this id or name, or None if it is not one that a feature knows."""
    found: UUID | None = _first("find", session, holder)
    return found


def tables() -> tuple[str, ...]:
    """Return the tables of holders."""
    return ("users", *(module.HOLDERS for _, module in load("credits")))


def _first(function: str, session: Session, value: UUID | str) -> Any:
    answers = (getattr(module, function)(session, value) for _, module in load("credits"))
    return next((answer for answer in answers if answer), None)
