"""Rates: what an operation costs now, and in every version before."""

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
from app.extensions.credits.service.tiers import require_tier
from app.extensions.credits.settings import CreditSettings

Known = dict[tuple[str, str | None], RateRead]

# The rates that count, as this process knows them. A rate set here is known at once; one set by
# another process, or one whose time has come, after CREDITS_RATE_CACHE_SECONDS.
_known: TTLCache[str, Known] = TTLCache(1, ttl=load_settings(CreditSettings).rate_cache_seconds)

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


def rate(session: Session, operation: str, tier: str) -> RateRead:
    """Return what an operation costs for a tier now: the tier's own rate, else that of all.

    Raises:
        NoRateError: there is none, so the operation is not to be had.
    """
    known = _all(session)
    found = known.get((operation, tier)) or known.get((operation, None))
    if found is None:
        raise NoRateError(operation)
    return found


def current(session: Session) -> list[RateRead]:
    """Return every rate that counts now, by operation."""
    return list(_all(session).values())


def versions(session: Session, operation: str) -> Sequence[RateRead]:
    """Return the rates of an operation, those to come and those that were, newest first."""
    rows = session.connection().execute(_VERSIONS, {"operation": operation})
    return [RateRead.model_validate(row) for row in rows]


def set_rate(session: Session, values: RateCreate) -> RateRead:
    """Let a rate count from now on or from a later moment. Commits.

    Raises:
        ConflictError: there is one from the same moment on.
        InvalidError: the moment has passed: what was charged since would look wrong.
        NotFoundError: there is no such tier.
    """
    if values.valid_from and values.valid_from < utcnow():
        raise InvalidError("A rate counts from now on or later: leave valid_from out for now.")
    if values.tier:
        require_tier(session, values.tier)
    row = Rate(**values.model_dump(exclude_none=True)).model_dump()
    if values.valid_from is None:
        # By the clock that tells which one counts.
        row["valid_from"] = func.clock_timestamp()
    try:
        made = session.connection().execute(insert(rates).values(row).returning(*_SHOWN)).one()
    except IntegrityError as error:
        raise ConflictError("There is a rate from that moment on.", code="rate_exists") from error
    session.commit()
    forget()
    return RateRead.model_validate(made)


def forget() -> None:
    """Drop the rates from this process's memory."""
    _known.clear()


def _all(session: Session) -> Known:
    known = _known.get("rates")
    if known is None:
        rows = map(RateRead.model_validate, session.connection().execute(_CURRENT))
        known = _known["rates"] = {(row.operation, row.tier): row for row in rows}
    return known
