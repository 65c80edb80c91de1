"""The rules for users: their rows, approval and roles.

Where there is no user for an id or an address, NotFoundError (`user_not_found`) is raised.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.events import emit
from app.core.http.lists import EVERYONE, Listing
from app.core.row_cache import RowCache
from app.core.settings import load_settings
from app.core.supabase.auth import delete_user
from app.core.supabase.clients import Supabase
from app.extensions.users.models import Role, Status, User
from app.extensions.users.schemas import UserRead
from app.extensions.users.settings import Approval, UserSettings

USERS = Listing(
    User,
    UserRead,
    scope=EVERYONE,
    search=[User.email, User.display_name],
    filters={"status": User.status, "role": User.role},
)

CACHED_USERS = 10_000

# Users of recent requests. A change in this process evicts the user at once; a change in another
# process takes effect here after USER_CACHE_SECONDS.
_cached: RowCache[UUID, UserRead] = RowCache(
    CACHED_USERS, ttl=load_settings(UserSettings).cache_seconds
)

_BY_ID = select(User).where(col(User.id) == bindparam("user_id"))
_BY_IDS = select(User).where(col(User.id) == any_(bindparam("user_ids", type_=ARRAY(Uuid))))

_REFUSALS = {
    Status.PENDING: "This account is waiting for approval.",
    Status.REJECTED: "This account was not approved.",
    Status.SUSPENDED: "This account is suspended.",
}


def get_cached(user_id: UUID, email: str | None) -> UserRead | None:
    """Return the user from the cache, unless the token names another e-mail address."""
    user = _cached.get(user_id)
    return user if user and (email is None or user.email == email) else None


def evictions() -> int:
    """Return how often users were evicted: see `RowCache`."""
    return _cached.evictions


def cache(user: User, since: int) -> UserRead:
    """Cache the user for the next requests, unless one was evicted `since` before the read."""
    read = UserRead.model_validate(user)
    if since == _cached.evictions:
        _cached[user.id] = read
    return read


def with_user(statement: Select[Any], user_id: Any) -> Select[Any]:
    """Add the user whose id the column `user_id` holds to each row, for `cache_from`.

    A feature that learns from its own table who calls reads the caller in the same round trip.
    """
    columns = (getattr(User, name).label(f"user_{name}") for name in UserRead.model_fields)
    return statement.join(User, col(User.id) == user_id).add_columns(*columns)


def cache_from(row: Mapping[str, Any]) -> None:
    """Cache the user of a row of a statement `with_user`; the caller compares `evictions`."""
    user = UserRead.model_validate({name: row[f"user_{name}"] for name in UserRead.model_fields})
    _cached[user.id] = user


def evict(user_id: UUID) -> None:
    """Remove a user from the cache: the next request reads the row."""
    _cached.evict(user_id)


def ensure_active(user: UserRead) -> UserRead:
    """Return an approved user.

    Raises:
        ForbiddenError: `account_pending`, `account_rejected`, `account_suspended`, or, if Auth has
            banned or deleted the user, `account_banned` or `account_deleted`.
    """
    if user.deleted_at:
        raise ForbiddenError("This account was deleted.", code="account_deleted")
    if user.banned_until and user.banned_until > utcnow():
        raise ForbiddenError("This account is banned.", code="account_banned")
    if user.status is not Status.APPROVED:
        raise ForbiddenError(_REFUSALS[user.status], code=f"account_{user.status}")
    return user


async def get_or_create(
    session: AsyncSession, user_id: UUID, email: str | None, status: Status | None = None
) -> tuple[User, bool]:
    """Return the row of a signed-in user, and whether this call created it. Commits.

    The first request creates the row, with `status` or the one that USER_APPROVAL means, and emits
    `users.created` in the same transaction. Later requests update a changed e-mail address. If
    several first requests run at once, exactly one of them creates the row.
    """
    user = await session.get(User, user_id)
    # The token of a deleted user is valid for some time, and must not bring the address back.
    if user and (user.deleted_at or email in (None, user.email)):
        return user, False
    if status is None:
        auto = load_settings(UserSettings).approval is Approval.AUTO
        status = Status.APPROVED if auto else Status.PENDING
    statement = insert(User).values(id=user_id, email=email, role=Role.USER, status=status)
    statement = statement.values(created_at=utcnow(), updated_at=utcnow())
    upsert: Any = statement.on_conflict_do_update(
        index_elements=[col(User.id)],
        set_={"email": statement.excluded.email, "updated_at": statement.excluded.updated_at},
        where=col(User.email).is_distinct_from(statement.excluded.email),
    ).returning(User, literal_column("xmax = 0"))
    result = await session.exec(upsert, execution_options={"populate_existing": True})
    row = result.one_or_none()
    created = row is not None and bool(row[1])
    if created:
        await emit(session, "users.created", user_id=user_id)
    await session.commit()
    return (row[0] if row else await get(session, user_id)), created


async def delete_account(
    session: AsyncSession, supabase: Supabase, user_id: UUID, *, by_operator: bool = False
) -> None:
    """Delete a person in Auth, and here all rows that refer to the person by a cascade. Commits.

    `users.deleted` is emitted before: a handler that raises keeps the account. If no operator
    deletes the account, `users.leaving` comes first: there a handler raises if the person has to do
    something else before, which cannot stop an operator. An empty row stays, because a token that
    is still valid would create the user again.

    Raises:
        AppError: a handler keeps the account.
        ConflictError: the application would have no admin.
        UnavailableError: Auth does not answer; nothing is deleted.
    """
    user = await get(session, user_id)
    await _ensure_other_admin(session, user)
    if not by_operator:
        await emit(session, "users.leaving", user_id=user_id)
    user.deleted_at = utcnow()
    await session.flush()
    await emit(session, "users.deleted", user_id=user_id)
    kept = {"status": user.status, "created_at": user.created_at, "deleted_at": user.deleted_at}
    await session.exec(delete(User).where(col(User.id) == user_id))
    await session.exec(insert(User).values(id=user_id, role=Role.USER, updated_at=utcnow(), **kept))
    # Last, so that nothing here can fail any more once Auth has deleted the person.
    await delete_user(supabase, user_id)
    await session.commit()
    evict(user_id)


async def add_machine(session: AsyncSession, user_id: UUID, name: str) -> None:
    """Add a user who is a program, unless there is one. Does not commit.

    A feature issues its tokens, with `Claims.is_machine`. Only routes that depend on
    `UserOrMachine` accept them. There is no event `users.created`, because no person has come.
    """
    statement = insert(User).values(id=user_id, role=Role.USER, status=Status.APPROVED)
    statement = statement.values(display_name=name[:100], machine=True)
    statement = statement.values(created_at=utcnow(), updated_at=utcnow())
    await session.exec(statement.on_conflict_do_nothing())


async def rename_machine(session: AsyncSession, user_id: UUID, name: str) -> None:
    """Give a user who is a program another name, if there is one. Does not commit."""
    machine = update(User).where(col(User.id) == user_id, col(User.machine))
    await session.exec(machine.values(display_name=name[:100], updated_at=utcnow()))
    evict(user_id)


async def remove_machine(session: AsyncSession, user_id: UUID) -> None:
    """Remove a user who is a program, with all rows that belong to it. Does not commit."""
    await session.exec(delete(User).where(col(User.id) == user_id, col(User.machine)))
    evict(user_id)


async def get(session: AsyncSession, user_id: UUID) -> User:
    """Return a user."""
    user = await session.get(User, user_id)
    if user is None:
        raise NotFoundError("There is no such user.", code="user_not_found")
    return user


async def get_row(reader: Reader, user_id: UUID) -> dict[str, Any]:
    """Return a user's columns; the statement is built once, because every `/users/me` runs it."""
    for row in await reader.rows(_BY_ID, {"user_id": user_id}):
        return row
    raise NotFoundError("There is no such user.", code="user_not_found")


async def get_many(reader: Reader, user_ids: Sequence[UUID]) -> dict[UUID, UserRead]:
    """Return users by id, for a page of rows that refer to users; unknown ids are left out."""
    rows = await reader.rows(_BY_IDS, {"user_ids": list(user_ids)})
    return {row["id"]: UserRead.model_validate(row) for row in rows}


async def ids_with_email(session: AsyncSession) -> list[UUID]:
    """Return the ids of the users who have an e-mail address: anonymous ones have none."""
    return list(await session.exec(select(User.id).where(col(User.email).is_not(None))))


async def ids_by_email(session: AsyncSession, email: str) -> list[UUID]:
    """Return the ids of the users with this address."""
    return list(await session.exec(select(User.id).where(col(User.email) == email.lower())))


async def get_by_email(session: AsyncSession, email: str) -> User:
    """Return the user with this address, or the newest of several."""
    statement = select(User).where(col(User.email) == email.lower())
    user = (await session.exec(statement.order_by(col(User.created_at).desc()))).first()
    if user is None:
        raise NotFoundError(f"There is no user {email} here.", code="user_not_found")
    return user


async def any_active(session: AsyncSession, user_ids: Sequence[UUID]) -> bool:
    """Return whether one of these users can sign in; a machine cannot."""
    statement = _active().where(col(User.id).in_(user_ids)).limit(1)
    return (await session.exec(statement)).first() is not None


async def count_people(session: AsyncSession, user_ids: Any) -> int:
    """Return how many of these users are people and no machines.

    Args:
        session: for the query.
        user_ids: ids, or a query for them.
    """
    counted = select(func.count()).where(col(User.id).in_(user_ids), col(User.machine).is_(False))
    return (await session.exec(counted)).one()


async def update_profile(session: AsyncSession, user_id: UUID, changes: dict[str, object]) -> User:
    """Change the fields that users may change about themselves. Commits."""
    user = await get(session, user_id)
    user.sqlmodel_update(changes)
    return await _save(session, user)


async def set_status(session: AsyncSession, user_id: UUID, status: Status) -> User:
    """Approve, reject or suspend a user. Commits.

    A change emits `users.approved`, `users.rejected` or `users.suspended` in the same transaction.

    Raises:
        ConflictError: the application would have no admin.
    """
    user = await get(session, user_id)
    if status is not Status.APPROVED:
        await _ensure_other_admin(session, user)
    if status is not user.status:
        user.status = status
        await emit(session, f"users.{status}", user_id=user_id)
    return await _save(session, user)


async def set_role(session: AsyncSession, user_id: UUID, role: Role) -> User:
    """Give a user another role. Commits.

    Raises:
        ConflictError: the application would have no admin.
    """
    user = await get(session, user_id)
    if role is not Role.ADMIN:
        await _ensure_other_admin(session, user)
    user.role = role
    return await _save(session, user)


async def admins(session: AsyncSession) -> list[User]:
    """Return the admins who can sign in."""
    return list(await session.exec(_active_admins()))


def awaits_admin(user: User) -> bool:
    """Return whether an admin has to approve the user."""
    return user.status is Status.PENDING and load_settings(UserSettings).approval is Approval.ADMIN


def awaits_confirmation(user: User) -> bool:
    """Return whether a confirmed address approves the user."""
    return user.status is Status.PENDING and load_settings(UserSettings).approval is Approval.EMAIL


async def approve_confirmed(session: AsyncSession, user: User) -> User:
    """Approve a user whose address is confirmed, if that is enough. Commits."""
    if not awaits_confirmation(user):
        return user
    return await set_status(session, user.id, Status.APPROVED)


def _active() -> SelectOfScalar[User]:
    """Select the people whom `ensure_active` accepts."""
    return select(User).where(
        col(User.machine).is_(False),
        col(User.status) == Status.APPROVED,
        col(User.deleted_at).is_(None),
        or_(col(User.banned_until).is_(None), col(User.banned_until) <= utcnow()),
    )


def _active_admins() -> SelectOfScalar[User]:
    return _active().where(col(User.role) == Role.ADMIN)


async def _ensure_other_admin(session: AsyncSession, user: User) -> None:
    if user.role is not Role.ADMIN or user.status is not Status.APPROVED:
        return
    # The lock stops two admins who demote each other at the same time.
    locked = _active_admins().order_by(col(User.id)).with_for_update()
    if {admin.id for admin in await session.exec(locked)} <= {user.id}:
        raise ConflictError(
            "This is the last admin: make another user admin first.", code="last_admin"
        )


async def _save(session: AsyncSession, user: User) -> User:
    await session.commit()
    evict(user.id)
    return user
