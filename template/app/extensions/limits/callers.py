"""Who sends a request: a signed-in user, or an address. Both have a tier."""

import asyncio
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from uuid import UUID

from asyncpg import PostgresError
from cachetools import TTLCache
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.core.auth.dependencies import token_of
from app.core.auth.tokens import Claims
from app.core.errors import AppError, NotFoundError
from app.core.features import load
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.limits.settings import LimitSettings
from app.extensions.users.service import get_row

# Factors of the tiers; LIMITS_TIERS replaces them, and other tiers have the factor 1. Without
# another feature that knows the tier of a user, it is the role.
TIERS = {"anonymous": 0.2, "user": 1.0, "support": 2.0, "admin": 5.0}
CACHED_USERS = 10_000
PATIENCE = 1.0  # seconds for reading a tier

log = get_logger(__name__)


class Caller(NamedTuple):
    """A user or an address, and the factor of their tier."""

    kind: str  # user or address
    id: str
    factor: float


class Callers:
    """Finds out who sends a request.

    A user counts by the verified token. Everybody else counts by the address: strangers, tokens
    that are not valid, tokens that features issue, and anonymous users, of which one person can
    have many.
    """

    def __init__(self, api: FastAPI) -> None:
        settings = load_settings(LimitSettings)
        self.api = api
        self.tiers = dict(TIERS)
        for _, module in load("limits"):
            self.tiers |= getattr(module, "TIERS", {})
        self.tiers |= settings.tiers
        self._factors: TTLCache[UUID, float] = TTLCache(
            CACHED_USERS, ttl=settings.tier_cache_seconds
        )

    async def find(self, scope: Scope) -> Caller:
        """Return the caller. The database is asked at most once in LIMITS_TIER_CACHE_SECONDS."""
        claims = await self._claims(HTTPConnection(scope))
        if claims is None or claims.is_anonymous:
            client = scope.get("client")
            return Caller(
                "address", network_of(client[0] if client else ""), self.tiers["anonymous"]
            )
        factor = self._factors.get(claims.user_id)
        if factor is None:
            tier = await self._tier(claims.user_id)
            factor = self._factors[claims.user_id] = self.tiers.get(tier, 1.0)
        return Caller("user", str(claims.user_id), factor)

    async def _claims(self, connection: HTTPConnection) -> Claims | None:
        try:
            token = token_of(connection)
            claims: Claims | None = await self.api.state.verifier.verify(token) if token else None
        except AppError:
            return None  # the route refuses the token
        return claims

    async def _tier(self, user_id: UUID) -> str:
        reader = self.api.state.database.reader
        try:
            async with asyncio.timeout(PATIENCE):
                for _, module in load("limits"):
                    if tier := hasattr(module, "tier_of") and await module.tier_of(reader, user_id):
                        return str(tier)
                return str((await get_row(reader, user_id))["role"])
        except NotFoundError:
            pass  # the first request of a user creates the row
        except (OSError, SQLAlchemyError, PostgresError) as error:
            log.warning("tier_unknown", error=f"{type(error).__name__}: {error}"[:300])
        return "user"


@lru_cache(10_000)
def network_of(address: str) -> str:
    """Return an address of IPv4, or the /64 network of IPv6: one line gets at least that many.

    The address is the one that uvicorn determines: it believes `X-Forwarded-For` of the proxies in
    FORWARDED_ALLOW_IPS only.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address[:64] or "unknown"  # a Unix socket has no address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))
