"""Accounts: each is opened at its first use, and locked before any change to its rows."""

from uuid import UUID

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.database.models import utcnow
from app.extensions.credits.models import Account, Kind, accounts, tiers
from app.extensions.credits.schemas import BalanceRead
from app.extensions.credits.service import holders, periods
from app.extensions.credits.service.allocation import allocate
from app.extensions.credits.service.ledger import LockedAccount, lock, post
from app.extensions.credits.service.tiers import get_tier

# An account stores the charges of the last day on which there were any.
_CHARGES_TODAY = case(
    (accounts.c.charges_day == bindparam("today"), accounts.c.charges_today), else_=0
)
_BALANCE = (
    select(
        accounts.c.user_id,
        accounts.c.tier,
        accounts.c.balance,
        accounts.c.held,
        accounts.c.allowance,
        tiers.c.daily_charges,
        _CHARGES_TODAY.label("charges_today"),
    )
    .join(tiers, tiers.c.name == accounts.c.tier)
    .where(accounts.c.user_id == bindparam("user_id"))
)


def lock_or_open(session: Session, user_id: UUID) -> LockedAccount:
    """Lock a user's account until the transaction ends; open it if the user has none.

    Of concurrent transactions, one opens the account. It adds CREDITS_WELCOME and the tier's
    allocation of this month.
    """
    return lock(session, user_id) or _open(session, user_id)


def get_balance(session: Session, user_id: UUID) -> BalanceRead:
    """Return the balance of a user; open an account if the user has none."""
    values = {"user_id": user_id, "today": periods.today()}
    row = session.connection().execute(_BALANCE, values).one_or_none()
    if row is None:
        lock_or_open(session, user_id)
        row = session.connection().execute(_BALANCE, values).one()
    return BalanceRead.model_validate(row)


def set_tier(session: Session, user_id: UUID, tier: str) -> BalanceRead:
    """Move a user to another tier. Rates and limit apply at once, the allocation next month.

    Raises:
        NotFoundError: there is no such tier.
    """
    account = lock_or_open(session, user_id)
    get_tier(session, tier)
    statement = update(accounts).where(accounts.c.user_id == account.user_id)
    session.connection().execute(statement.values(tier=tier, updated_at=utcnow()))
    return get_balance(session, user_id)


def _open(session: Session, user_id: UUID) -> LockedAccount:
    opening = holders.opening(session, user_id)
    row = Account(user_id=user_id, tier=opening.tier).model_dump()
    statement = insert(accounts).values(row).on_conflict_do_nothing().returning(accounts.c.user_id)
    opened = session.connection().execute(statement).first()
    account = lock(session, user_id)
    assert account  # the insert waits until a concurrent one is committed
    if opened:
        if opening.welcome:
            post(session, account, Kind.ADDITION, opening.welcome, reason="Welcome")
        allocate(session, account, periods.month())
        account = lock(session, user_id)
        assert account
    return account
