"""Finds the key of a request, with at most one statement, which reads its owner as well.

Both are cached: the key for API_KEYS_CACHE_SECONDS, the owner as every user is. A key is only used
while its owner is in the cache, so that no key outlives the row of its owner.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from uuid import UUID

from cachetools import LRUCache, TTLCache
from sqlalchemy import bindparam, select

from app.core.database import Reader
from app.core.database.models import utcnow
from app.core.errors import UnauthenticatedError
from app.core.row_cache import RowCache
from app.core.settings import load_settings
from app.extensions.api_keys import key_format
from app.extensions.api_keys.models import api_keys
from app.extensions.api_keys.settings import ApiKeySettings
from app.extensions.users import service as users

CACHED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key."""

    id: UUID
    owner_id: UUID
    start: str
    secret_hash: bytes
    scopes: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]
    attributes: Mapping[str, str]
    expires_at: datetime
    revoked_at: datetime | None
    is_machine: bool  # whether the owner is one, see `users.service.add_machine`

    @property
    def user_id(self) -> UUID:
        """The user in whose name the key acts."""
        return self.owner_id

    def admits(self, address: str) -> bool:
        """Whether an address may use the key."""
        if not self.networks:
            return True
        try:
            ip = ip_address(address)
        except ValueError:
            return False  # a Unix socket has no address
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in network for network in self.networks)


_BY_HASH = users.with_user(
    select(*(api_keys.c[field.name] for field in fields(Key) if field.name in api_keys.c)).where(
        api_keys.c.secret_hash == bindparam("secret_hash")
    ),
    api_keys.c.owner_id,
)

_seconds = load_settings(ApiKeySettings).cache_seconds
_keys: RowCache[bytes, Key] = RowCache(CACHED_KEYS, ttl=_seconds)
# Hashes that belong to no key: apart, so that guesses displace no key from the cache.
_unknown: TTLCache[bytes, None] = TTLCache(CACHED_KEYS, ttl=_seconds)
# Hashes of the keys that this process has read, for longer than `_keys`: see `is_guess`.
_read_before: LRUCache[bytes, None] = LRUCache(CACHED_KEYS)


async def find(reader: Reader, text: str) -> Key:
    """Return the key with this text.

    Raises:
        UnauthenticatedError: `invalid_api_key`, `api_key_revoked` or `api_key_expired`.
    """
    key_format.check(text)
    secret_hash = key_format.hash_of(text)
    key = _keys.get(secret_hash)
    if key is None or users.get_cached(key.user_id, None) is None:
        key = await _read(reader, secret_hash)
    if key is None or not hmac.compare_digest(key.secret_hash, secret_hash):
        raise key_format.invalid_key()
    if key.revoked_at:
        raise UnauthenticatedError("This API key was revoked.", code="api_key_revoked")
    if key.expires_at <= utcnow():
        raise UnauthenticatedError("This API key has expired.", code="api_key_expired")
    return key


def is_guess(text: str) -> bool:
    """Whether the key may be a guess that costs a statement: this process has never read it.

    Raises:
        UnauthenticatedError: it has not the form of a key, which costs nothing.
    """
    key_format.check(text)
    secret_hash = key_format.hash_of(text)
    return secret_hash not in _read_before and secret_hash not in _unknown


def evict(secret_hash: bytes) -> None:
    """Remove a key from the cache: the next request reads the row."""
    _keys.evict(secret_hash)


async def _read(reader: Reader, secret_hash: bytes) -> Key | None:
    if secret_hash in _unknown:
        return None
    while True:
        since = _keys.evictions, users.evictions()
        rows = await reader.rows(_BY_HASH, {"secret_hash": secret_hash})
        if since == (_keys.evictions, users.evictions()):
            break
    if not rows:
        _unknown[secret_hash] = None
        _keys.pop(secret_hash, None)
        return None
    (row,) = rows
    users.cache_from(row)
    _read_before[secret_hash] = None
    key = _keys[secret_hash] = Key(
        id=row["id"],
        owner_id=row["owner_id"],
        start=row["start"],
        secret_hash=row["secret_hash"],
        scopes=frozenset(row["scopes"]),
        networks=tuple(map(ip_network, row["networks"])),
        attributes=row["attributes"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        is_machine=row["user_machine"],
    )
    return key
