"""Who sends a request: a signed-in user, an address, or a caller that another feature knows."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import ModuleType
from typing import NamedTuple
from uuid import UUID

from asyncpg import PostgresError
from cachetools import TTLCache
from fastapi import FastAPI
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.core.auth.dependencies import token_of
from app.core.auth.tokens import Claims
from app.core.database import Reader
from app.core.errors import AppError, NotFoundError
from app.core.features import load
from app.core.http.addresses import network_of
from app.core.logging import get_logger
from app.core.settings import load_settings
from app.extensions.limits.deps import Rate
from app.extensions.limits.settings import LimitSettings
from app.extensions.users.service import get_row

# Factors of the tiers; LIMITS_TIERS replaces them, and other tiers have the factor 1. Without
# another feature that knows the tier of a user, it is the role.
TIERS = {"anonymous": 0.2, "user": 1.0, "support": 2.0, "admin": 5.0}
CACHED_USERS = 10_000
PATIENCE = 1.0  # seconds for a question to the database
OUTAGES = (OSError, SQLAlchemyError, PostgresError, RedisError)

# Kind, id, user and own rate: see `Callers`.
FromFeature = tuple[str, UUID, UUID, Rate | None]
Group = tuple[str, UUID]  # kind and id

log = get_logger(__name__)


class Caller(NamedTuple):
    """Who is counted, and the factor of their tier."""

    kind: str  # user, address, or what a feature says
    id: str
    factor: float
    rate: Rate | None = None  # of this caller alone, instead of the default
    user_id: UUID | None = None  # in whose name the request is sent


class Callers:
    """Finds out who sends a request.

    A user counts by the verified token. A feature that issues tokens can say in its `limits.py` who
    sends one, and that one counts alone, with the tier of a user and the factor of its kind:

        async def caller_of(connection, token) -> tuple[str, UUID, UUID, Rate | None] | None: ...

    It returns the kind, the id, the user and the caller's own rate, if there is one; or None for a
    token of another feature. A feature can also say which user sends a request without a token:

        async def user_of(connection) -> UUID | None: ...

    Everybody else counts by the address: strangers, tokens that are not valid, other tokens that
    features issue, and anonymous users, of which one person can have many.

    A feature can say that a user works in a group, which has a count of all its users besides the
    one that each of them has. `group_named` returns how the request names the group, and `group_of`
    its kind and id, or None if the user is not in it:

        def group_named(connection) -> str | None: ...
        async def group_of(reader, user_id, name) -> tuple[str, UUID] | None: ...

    The factor of a group is that of its kind, multiplied by that of its tier if a feature knows a
    tier for its id, other than the kind itself.
    """

    def __init__(self, api: FastAPI) -> None:
        settings = load_settings(LimitSettings)
        self.api = api
        self.tiers = dict(TIERS)
        for _, module in load("limits"):
            self.tiers |= getattr(module, "TIERS", {})
        self.tiers |= settings.tiers
        self._callers_of = [
            module.caller_of for _, module in load("limits") if hasattr(module, "caller_of")
        ]
        self._users_of = [
            module.user_of for _, module in load("limits") if hasattr(module, "user_of")
        ]
        self._grouping = [module for _, module in load("limits") if hasattr(module, "group_of")]
        seconds = settings.tier_cache_seconds
        self._factors: TTLCache[UUID, float] = TTLCache(CACHED_USERS, ttl=seconds)
        self._groups: TTLCache[tuple[str, UUID, str], Group | None]
        self._groups = TTLCache(CACHED_USERS, ttl=seconds)

    async def find(self, scope: Scope) -> Caller:
        """Return the caller. The database is asked at most once in LIMITS_TIER_CACHE_SECONDS."""
        connection = HTTPConnection(scope)
        try:
            token = token_of(connection)
            if token and (found := await self._from_features(connection, token)):
                kind, caller, user_id, rate = found
                factor = await self._factor(user_id) * self.tiers.get(kind, 1.0)
                return Caller(kind, str(caller), factor, rate, user_id)
            if not token and (visitor := await self._without_token(connection)):
                return await self._user(visitor)
            claims: Claims | None = await self.api.state.verifier.verify(token) if token else None
        except AppError:
            claims = None  # the route refuses the token
        if claims is None or claims.is_anonymous:
            client = scope.get("client")
            return Caller(
                "address", network_of(client[0] if client else ""), self.tiers["anonymous"]
            )
        return await self._user(claims.user_id)

    async def find_group(self, scope: Scope, user_id: UUID) -> Caller | None:
        """Return the group that a user works in, as the request says, or None.

        The database is asked at most once in LIMITS_TIER_CACHE_SECONDS for each user and group.
        """
        connection = HTTPConnection(scope)
        for module in self._grouping:
            name = module.group_named(connection)
            if name and (found := await self._group(module, user_id, name)):
                kind, group_id = found
                return Caller(kind, str(group_id), await self._group_factor(kind, group_id))
        return None

    async def _user(self, user_id: UUID) -> Caller:
        return Caller("user", str(user_id), await self._factor(user_id), user_id=user_id)

    async def _group(self, module: ModuleType, user_id: UUID, name: str) -> Group | None:
        key = module.__name__, user_id, name
        with suppress(KeyError):
            return self._groups[key]
        try:
            async with asyncio.timeout(PATIENCE):
                found: Group | None = await module.group_of(self._reader, user_id, name)
        except OUTAGES as error:
            log.warning("group_unknown", error=f"{type(error).__name__}: {error}"[:300])
            return None
        self._groups[key] = found
        return found

    @property
    def _reader(self) -> Reader:
        reader: Reader = self.api.state.database.reader
        return reader

    async def _from_features(self, connection: HTTPConnection, token: str) -> FromFeature | None:
        try:
            for caller_of in self._callers_of:
                async with asyncio.timeout(PATIENCE):
                    found: FromFeature | None = await caller_of(connection, token)
                if found:
                    return found
        except OUTAGES as error:
            log.warning("caller_unknown", error=f"{type(error).__name__}: {error}"[:300])
        return None

    async def _without_token(self, connection: HTTPConnection) -> UUID | None:
        try:
            for user_of in self._users_of:
                async with asyncio.timeout(PATIENCE):
                    if user_id := await user_of(connection):
                        return UUID(str(user_id))
        except OUTAGES as error:
            log.warning("caller_unknown", error=f"{type(error).__name__}: {error}"[:300])
        return None

    async def _factor(self, user_id: UUID) -> float:
        factor = self._factors.get(user_id)
        if factor is None:
            tier = await self._asked(self._tier_of_user, user_id) or "user"
            factor = self._factors[user_id] = self.tiers.get(tier, 1.0)
        return factor

    async def _group_factor(self, kind: str, group_id: UUID) -> float:
        own = self._factors.get(group_id)
        if own is None:
            tier = await self._asked(self._tier_of_holder, group_id)
            own = 1.0 if tier is None or tier == kind else self.tiers.get(tier, 1.0)
            self._factors[group_id] = own
        return own * self.tiers.get(kind, 1.0)

    async def _asked(
        self, ask: Callable[[UUID], Awaitable[str | None]], holder_id: UUID
    ) -> str | None:
        """The tier that a question to the database returns; None if it does not answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await ask(holder_id)
        except OUTAGES as error:
            log.warning("tier_unknown", error=f"{type(error).__name__}: {error}"[:300])
            return None

    async def _tier_of_user(self, user_id: UUID) -> str | None:
        if tier := await self._tier_of_holder(user_id):
            return tier
        with suppress(NotFoundError):  # the first request of a user creates the row
            return str((await get_row(self._reader, user_id))["role"])
        return None

    async def _tier_of_holder(self, holder_id: UUID) -> str | None:
        for _, module in load("limits"):
            if hasattr(module, "tier_of") and (
                tier := await module.tier_of(self._reader, holder_id)
            ):
                return str(tier)
        return None
