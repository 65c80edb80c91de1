"""Organizations without a look at the caller, for operators and for other features."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam
from sqlalchemy.orm import Session
from sqlmodel import col, select

from app.extensions.organizations.models import Organization


@dataclass(frozen=True)
class Found:
    """An organization, and the user whose personal one it is."""

    id: UUID
    personal_of: UUID | None


_ALL = select(col(Organization.id), col(Organization.personal_of))
_BY_ID = _ALL.where(col(Organization.id) == bindparam("id"))
_BY_SLUG = _ALL.where(col(Organization.slug) == bindparam("slug"))


def by_id(session: Session, organization_id: UUID) -> Found | None:
    """Return an organization, also a deleted one; None if there is none."""
    row = session.connection().execute(_BY_ID, {"id": organization_id}).one_or_none()
    return Found(*row) if row else None


def by_slug(session: Session, slug: str) -> Found | None:
    """Return an organization, also a deleted one; None if there is none."""
    row = session.connection().execute(_BY_SLUG, {"slug": slug}).one_or_none()
    return Found(*row) if row else None


def find_id(connection: Connection, key: UUID) -> UUID | None:
    """Return the id itself if it is that of an organization, also of a deleted one; or None."""
    return key if connection.execute(_BY_ID, {"id": key}).first() else None
