"""Changes in Auth that requests do not show: deleted users, bans and new e-mail addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.core.database.models import utcnow
from app.core.supabase.auth import AuthUser, get_user, list_users
from app.core.supabase.clients import Supabase
from app.extensions.users.models import Role, Status, User


@dataclass
class Outcome:
    """The number of rows, and of changes by kind."""

    users: int = 0
    addresses: int = 0
    bans: int = 0
    deletions: int = 0
    admins: int = 0  # who can still sign in


async def fetch_auth_users(
    supabase: Supabase, user_ids: Iterable[UUID]
) -> dict[UUID, AuthUser | None]:
    """Return the users in Auth by id; None for an id that Auth does not have.

    All requests come before the first change, so that a failed request changes no row.

    Raises:
        UnavailableError: Auth does not answer all requests.
    """
    listed = {user.id: user async for user in list_users(supabase)}
    return {
        user_id: listed[user_id] if user_id in listed else await get_user(supabase, user_id)
        for user_id in user_ids
    }


def update_rows(
    session: Session, in_auth: Mapping[UUID, AuthUser | None]
) -> tuple[Outcome, list[UUID]]:
    """Update the rows of these users; other rows stay as they are. Does not commit.

    Machines are left out: Auth does not know them.

    Returns:
        The changes, and the users who could sign in before and cannot any more.
    """
    outcome, excluded = Outcome(), []
    now = utcnow()
    for user in session.exec(select(User).where(col(User.machine).is_(False))):
        outcome.users += 1
        admitted = _is_admitted(user, now)
        if user.id in in_auth:
            _update(user, in_auth[user.id], outcome)
        if admitted and not _is_admitted(user, now):
            excluded.append(user.id)
        if user.role is Role.ADMIN and user.status is Status.APPROVED:
            outcome.admins += _is_admitted(user, now)
    return outcome, excluded


def _is_admitted(user: User, now: datetime) -> bool:
    """Whether Auth lets the user sign in, as far as the row says."""
    banned = user.banned_until is not None and user.banned_until > now
    return not banned and user.deleted_at is None


def _update(user: User, in_auth: AuthUser | None, outcome: Outcome) -> None:
    deleted = in_auth is None
    if deleted != (user.deleted_at is not None):
        user.deleted_at = utcnow() if deleted else None
        outcome.deletions += 1
    if in_auth is None:
        return
    if user.email != in_auth.email:
        user.email = in_auth.email
        outcome.addresses += 1
    if user.banned_until != in_auth.banned_until:
        user.banned_until = in_auth.banned_until
        outcome.bans += 1
