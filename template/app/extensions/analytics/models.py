"""The tables: who has agreed to analytics, and events that PostHog does not have yet."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import class_mapper
from sqlmodel import Field

from app.core.database.models import Model, UUIDKey, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class Consent(Model, table=True):
    """The last decision of a user. Without a row, the user has not been asked."""

    __tablename__ = "analytics_consents"

    # No foreign key: the row tells which person to delete at PostHog after the user is gone.
    user_id: UUID = Field(primary_key=True)
    given: bool
    decided_at: datetime = Field(default_factory=utcnow)


class CapturedEvent(UUIDKey, Model, table=True):
    """An event that waits. PostHog knows by its key whether it has the event already."""

    __tablename__ = "analytics_events"
    __table_args__ = (
        Index("ix_analytics_events_waiting", "id", postgresql_where=text("batch IS NULL")),
        Index("ix_analytics_events_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
        Index("ix_analytics_events_user_id", "user_id"),
    )

    user_id: UUID
    name: str = Field(max_length=100)
    properties: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = Field(default_factory=utcnow)
    # The task that sends it, from when there is one.
    batch: UUID | None = None


consents = cast("Table", class_mapper(Consent).local_table)
events = cast("Table", class_mapper(CapturedEvent).local_table)
