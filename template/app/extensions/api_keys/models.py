"""Tables of this feature."""

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import Index, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.core.database.models import SCHEMA, Model, UUIDKey, utcnow

if TYPE_CHECKING:
    from sqlalchemy import Table


class ApiKey(UUIDKey, Model, table=True):
    """A key with which a machine acts for the owner, within scopes."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_owner_id_created_at", "owner_id", "created_at", "id"),)

    # Only `verification` knows that the key acts in the name of its owner.
    owner_id: UUID = Field(foreign_key=f"{SCHEMA}.users.id", ondelete="CASCADE")
    name: str = Field(max_length=100)
    start: str = Field(max_length=40)
    # SHA-256.
    secret_hash: bytes = Field(unique=True)
    scopes: list[str] = Field(sa_type=JSONB)
    # Networks from which the key is accepted; empty for all.
    networks: list[str] = Field(sa_type=JSONB)
    # What other features know about the key.
    attributes: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"}
    )
    created_at: datetime = Field(default_factory=utcnow)
    expires_at: datetime
    revoked_at: datetime | None = None
    # The key that a rotation has put in the place of this one.
    replaced_by: UUID | None = None
    last_used_at: datetime | None = None
    last_used_from: str | None = Field(default=None, max_length=64)


class ApiKeyAddress(Model, table=True):
    """An address that has used a key, see `app.core.http.addresses`."""

    __tablename__ = "api_keys_addresses"

    key_id: UUID = Field(primary_key=True, foreign_key=f"{SCHEMA}.api_keys.id", ondelete="CASCADE")
    address: str = Field(primary_key=True, max_length=64)
    first_used_at: datetime
    last_used_at: datetime


# The tables, for statements without entities.
api_keys = cast("Table", inspect(ApiKey).local_table)
addresses = cast("Table", inspect(ApiKeyAddress).local_table)
