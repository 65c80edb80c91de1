"""What requests never tell: who was deleted or banned in Auth, and whose address changed there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, select

from app.core.database.models import utcnow
from app.core.supabase.auth import AuthUser, get_user, list_users
from app.core.supabase.clients import Supabase
from app.extensions.users.models import Role, Status, User


@dataclass
class Outcome:
    """How many rows there are, and how many changed in which respect."""

    users: int = 0
    addresses: int = 0
    bans: int = 0
    deletions: int = 0
    admins: int = 0  # who can still sign in


async def ask_auth(supabase: Supabase, known: Iterable[UUID]) -> dict[UUID, AuthUser | None]:
    """Return what Auth says of each known user; None for one of whom it says there is none.

    Everything is asked before anything is changed: an answer that does not come changes nobody.

    Raises:
        UnavailableError: Auth does not answer, be it on the last page.
    """
    listed = {user.id: user async for user in list_users(supabase)}
    return {
        user_id: listed[user_id] if user_id in listed else await get_user(supabase, user_id)
        for user_id in known
    }


def apply(session: Session, told: Mapping[UUID, AuthUser | None]) -> Outcome:
    """Write it into the rows; who is not asked about stays. Commits."""
    outcome = Outcome()
    now = utcnow()
    for user in session.exec(select(User)):
        outcome.users += 1
        if user.id in told:
            _update(user, told[user.id], outcome)
        banned = user.banned_until is not None and user.banned_until > now
        if user.role is Role.ADMIN and user.status is Status.APPROVED:
            outcome.admins += not banned and user.deleted_at is None
    session.commit()
    return outcome


def _update(user: User, in_auth: AuthUser | None, outcome: Outcome) -> None:
    if in_auth is None:
        if user.deleted_at is None:
            user.deleted_at = utcnow()
            outcome.deletions += 1
        return
    if user.deleted_at is not None:
        user.deleted_at = None
        outcome.deletions += 1
    if user.email != in_auth.email:
        user.email = in_auth.email
        outcome.addresses += 1
    if user.banned_until != in_auth.banned_until:
        user.banned_until = in_auth.banned_until
        outcome.bans += 1
