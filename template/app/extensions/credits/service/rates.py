"""Rates: the current, the earlier and the future prices of operations."""

from collections.abc import Sequence

from cachetools import TTLCache
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.database.models import utcnow
from app.core.errors import ConflictError, InvalidError
from app.core.settings import load_settings
from app.extensions.credits.errors import NoRateError
from app.extensions.credits.models import Rate, rates
from app.extensions.credits.schemas import RateCreate, RateRead
from app.extensions.credits.service.tiers import get_tier
from app.extensions.credits.settings import CreditSettings

Rates = dict[tuple[str, str | None], RateRead]  # by operation and tier

# The current rates, under one key. A rate that this process sets applies at once. A rate of another
# process, or one with a later start, applies after CREDITS_RATE_CACHE_SECONDS at the latest.
_cache: TTLCache[str, Rates] = TTLCache(1, ttl=load_settings(CreditSettings).rate_cache_seconds)

_SHOWN = [rates.c[name] for name in RateRead.model_fields]
_CURRENT = (
    select(*_SHOWN)
    .where(rates.c.valid_from <= func.clock_timestamp())
    .ext(distinct_on(rates.c.operation, rates.c.tier))
    .order_by(rates.c.operation, rates.c.tier, rates.c.valid_from.desc())
)
_VERSIONS = (
    select(*_SHOWN)
    .where(rates.c.operation == bindparam("operation"))
    .order_by(rates.c.valid_from.desc(), rates.c.id.desc())
    .limit(100)
)


def get_rate(session: Session, operation: str, tier: str) -> RateRead:
    """Return the current rate of an operation: that of the tier, or the one for all tiers.

    Raises:
        NoRateError: there is none.
    """
    rates_now = _current_rates(session)
    found = rates_now.get((operation, tier)) or rates_now.get((operation, None))
    if found is None:
        raise NoRateError(operation)
    return found


def list_current(session: Session) -> list[RateRead]:
    """Return all current rates, by operation."""
    return list(_current_rates(session).values())


def list_versions(session: Session, operation: str) -> Sequence[RateRead]:
    """Return the future, current and earlier rates of an operation, newest first."""
    rows = session.connection().execute(_VERSIONS, {"operation": operation})
    return [RateRead.model_validate(row) for row in rows]


def set_rate(session: Session, values: RateCreate) -> RateRead:
    """Set a rate that starts now or later. Commits.

    Raises:
        ConflictError: there is a rate with the same start.
        InvalidError: the start is in the past, where charges may have used another rate.
        NotFoundError: there is no such tier.
    """
    if values.valid_from and values.valid_from < utcnow():
        raise InvalidError(
            "A rate cannot start in the past. Leave valid_from out to start now.",
            code="rate_in_the_past",
        )
    if values.tier:
        get_tier(session, values.tier)
    row = Rate(**values.model_dump(exclude_none=True)).model_dump()
    if values.valid_from is None:
        # The same clock decides which rate is current.
        row["valid_from"] = func.clock_timestamp()
    try:
        made = session.connection().execute(insert(rates).values(row).returning(*_SHOWN)).one()
    except IntegrityError as error:
        raise ConflictError("A rate with this start exists.", code="rate_exists") from error
    session.commit()
    clear_cache()
    return RateRead.model_validate(made)


def clear_cache() -> None:
    """Remove the rates from the cache of this process."""
    _cache.clear()


def _current_rates(session: Session) -> Rates:
    found = _cache.get("rates")
    if found is None:
        rows = map(RateRead.model_validate, session.connection().execute(_CURRENT))
        found = _cache["rates"] = {(row.operation, row.tier): row for row in rows}
    return found
