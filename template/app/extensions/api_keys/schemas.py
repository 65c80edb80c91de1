"""Request and response models of this feature."""

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork

from app.core.http.schemas import RequestModel, ResponseModel


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("write the network as text")  # a number would be an address
    return value


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return the IPv4 network of one that is mapped to IPv6, because callers are compared so."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    return IPv4Network((mapped, network.prefixlen - 96)) if mapped else network


Network = Annotated[IPvAnyNetwork, BeforeValidator(_text), AfterValidator(_unmapped)]


class ApiKeyCreate(RequestModel):
    """A new key."""

    name: str = Field(min_length=1, max_length=100, description="What it is for.")
    scopes: list[str] = Field(
        min_length=1,
        max_length=100,
        description="See `/api_keys/scopes`.",
        examples=[["users:read"]],
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=3650, description="Validity; default and limit are settings."
    )
    networks: list[Network] = Field(
        default_factory=list,
        max_length=50,
        description="Addresses or networks that may use the key; empty for all.",
    )


class ApiKeyRotate(RequestModel):
    """How a key is replaced."""

    overlap_hours: int | None = Field(
        default=None,
        ge=0,
        le=168,
        description="Hours for which the old key stays valid; the default is a setting.",
    )


class ApiKeyRead(ResponseModel):
    """A key in responses, without its secret part."""

    id: UUID
    name: str
    start: str = Field(description="First characters of the key.")
    scopes: list[str]
    networks: list[str]
    attributes: dict[str, str] = Field(description="What other features know about it.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    replaced_by: UUID | None = Field(description="The key that replaced this one.")
    last_used_at: datetime | None = Field(description="Some seconds late, see the settings.")
    last_used_from: str | None


class ApiKeyCreated(ApiKeyRead):
    """A new key, with the text that is shown only now."""

    key: str
