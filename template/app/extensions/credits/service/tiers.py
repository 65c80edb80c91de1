"""Tiers: the monthly allocation and the limits of accounts."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.errors import NotFoundError
from app.extensions.credits.models import tiers
from app.extensions.credits.schemas import TierRead


def list_tiers(session: Session) -> list[TierRead]:
    """Return all tiers, by allocation."""
    rows = session.connection().execute(select(tiers).order_by(tiers.c.allocation, tiers.c.name))
    return [TierRead.model_validate(row) for row in rows]


def update_tier(session: Session, name: str, changes: dict[str, Any]) -> TierRead:
    """Change a tier. The limit applies at once, the allocation from the next month on.

    Raises:
        NotFoundError: there is no such tier.
    """
    get_tier(session, name)
    if changes:
        session.connection().execute(update(tiers).where(tiers.c.name == name).values(**changes))
    return get_tier(session, name)


def get_tier(session: Session, name: str) -> TierRead:
    """Return a tier.

    Raises:
        NotFoundError: there is no tier of this name.
    """
    row = session.connection().execute(select(tiers).where(tiers.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no tier {name}.", code="tier_not_found")
    return TierRead.model_validate(row)
