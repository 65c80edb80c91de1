"""The tier of an account is also the tier of its owner's limits."""

from uuid import UUID

from sqlalchemy import bindparam, select

from app.core.database import Reader
from app.extensions.credits.models import accounts

# Factors of the tiers that the migration creates.
TIERS = {"free": 1.0, "standard": 2.0, "premium": 5.0, "enterprise": 20.0}

_TIER = select(accounts.c.tier).where(accounts.c.user_id == bindparam("user_id"))


async def tier_of(reader: Reader, user_id: UUID) -> str | None:
    """Return the tier of a user's account, or None if the user has none."""
    rows = await reader.rows(_TIER, {"user_id": user_id})
    return rows[0]["tier"] if rows else None
