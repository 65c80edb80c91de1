"""The scope of a request: for which organization it works, for whom, and with which role.

A service takes it as the first argument after the session, and every query on a scoped table
compares `organization_id` with that of the scope. The membership is read for each request, because
a claim in an access token is valid for an hour after a member was removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import context
from app.core.database import Reader
from app.core.errors import ForbiddenError, NotFoundError
from app.core.tasks import TaskError
from app.core.tasks.application import CARRIED
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.service import roles

# The organization that the running code works for. Log lines name it, and results in a cache are
# kept for it. A task carries it to its worker: see `task_headers` for `enqueue`, and CARRIED for
# `send`.
current: ContextVar[str | None] = ContextVar("organization_id", default=None)
for registry in (context.BOUND, context.OWNERS, CARRIED):
    registry["organization_id"] = current

_COLUMNS = (col(Organization.id), Organization.slug, Organization.name, col(Member.role))
_MINE = (
    select(*_COLUMNS)
    .add_columns(col(Organization.personal_of))
    .join(Member, col(Member.organization_id) == col(Organization.id))
    .where(
        col(Member.user_id) == bindparam("user_id"),
        col(Organization.deleted_at).is_(None),
    )
)
_BY_SLUG = _MINE.where(col(Organization.slug) == bindparam("slug"))
_BY_ID = _MINE.where(col(Organization.id) == bindparam("organization_id"))


@dataclass(frozen=True)
class Scope:
    """The organization that the caller is a member of and works in."""

    organization_id: UUID
    slug: str
    name: str
    user_id: UUID
    role: str
    personal: bool = False

    @property
    def holder_id(self) -> UUID:
        """The id under which other features keep what belongs to the organization.

        What belongs to a personal organization belongs to its user: so it stays in place when this
        option comes or goes.
        """
        return self.user_id if self.personal else self.organization_id

    def require(self, *admitted: str) -> None:
        """Refuse a member whose role does not allow what one of these roles may do.

        Raises:
            ForbiddenError: `role_required`.
        """
        if not roles.allows(self.role, *admitted):
            raise ForbiddenError(
                f"This requires the role {' or '.join(admitted)}.", code="role_required"
            )


async def by_slug(reader: Reader, user_id: UUID, slug: str) -> Scope:
    """Return the scope of a user in an organization, and work for it from now on.

    Raises:
        NotFoundError: `organization_not_found`, it does not exist, it is deleted, or the user is
            no member. A stranger cannot tell these apart.
    """
    found = await look(reader, user_id, slug)
    if found is None:
        raise not_found()
    current.set(str(found.organization_id))
    return found


async def look(reader: Reader, user_id: UUID, slug: str) -> Scope | None:
    """Return the scope that `by_slug` would return, or None, and do not work for it."""
    for row in await reader.rows(_BY_SLUG, {"user_id": user_id, "slug": slug}):
        personal = row["personal_of"] is not None
        return Scope(row["id"], row["slug"], row["name"], user_id, row["role"], personal)
    return None


async def in_task(session: AsyncSession, organization_id: UUID, user_id: UUID) -> Scope:
    """Return the scope of a task, which a user has enqueued, and work for it from now on.

    Raises:
        TaskError: the organization is deleted, or the user has left it since.
    """
    found = await of_member(session, organization_id, user_id)
    if found is None:
        raise TaskError("You are no longer a member of this organization.")
    current.set(str(organization_id))
    return found


async def of_member(session: AsyncSession, organization_id: UUID, user_id: UUID) -> Scope | None:
    """Return the scope that `in_task` would return, or None, and do not work for it."""
    values = {"user_id": user_id, "organization_id": organization_id}
    row = (await (await session.connection()).execute(_BY_ID, values)).one_or_none()
    if row is None:
        return None
    return Scope(row[0], row[1], row[2], user_id, row[3], row[4] is not None)


async def of_task(session: AsyncSession) -> Scope:
    """Return the scope in which the running task was enqueued.

    Raises:
        TaskError: it was enqueued without an organization or a user; see also `in_task`.
    """
    organization, user = current.get(), context.user_id.get()
    if organization is None or user is None:
        raise TaskError("This task works for a member of an organization, and none is given.")
    return await in_task(session, UUID(organization), UUID(user))


@contextmanager
def within(organization_id: UUID) -> Iterator[None]:
    """Work for an organization in this block, such as one of many that a schedule visits.

    It checks nothing: it names the organization in log lines and in the tasks that are enqueued.
    """
    token = current.set(str(organization_id))
    try:
        yield
    finally:
        current.reset(token)


def not_found() -> NotFoundError:
    """Return the error for an organization that the caller does not see."""
    return NotFoundError("There is no such organization.", code="organization_not_found")
