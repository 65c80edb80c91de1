"""Entries, locks and tags in Redis.

The API uses its async connection. Other processes have only the connections that block, and use
them in a thread.

The API holds the entries that it has read, and only asks Redis whether the versions of their tags
are still the same. Requests for the same entry at the same moment share that round trip.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from cachetools import LRUCache
from redis import RedisError
from redis.asyncio import Redis

from app.core.logging import get_logger
from app.core.redis import RedisDownError, Script, Scripts, optional_redis, redis_key, store
from app.core.settings import load_settings
from app.extensions.cache.scripts import CHECK, INVALIDATE, LOOK, STORE
from app.extensions.cache.settings import CacheSettings
from app.extensions.cache.turns import Turns

MAX_EXPIRES = 24 * 3600  # seconds that an entry lives at most
# A tag outlives every entry that was made before it was invalidated.
TAG_SECONDS = 2 * MAX_EXPIRES
EVERYTHING = "*"  # a tag of all entries
ENTRY_BYTES = 1000  # that a held entry takes, without its body

log = get_logger(__name__)


class Found(NamedTuple):
    """What Redis has for a key."""

    body: bytes | None
    locked: bool  # whether the caller has to compute the result
    version: bytes


@dataclass(slots=True)
class _Held:
    """An entry that this process has read."""

    body: bytes
    until: float
    is_valid: Turns[bool]

    def size(self) -> int:
        return len(self.body) + ENTRY_BYTES


class Store:
    """The cache in Redis, used by everything in a process."""

    def __init__(self) -> None:
        self.redis = optional_redis()
        self._scripts: Scripts | None = None  # while the API runs
        self._held: LRUCache[str, _Held] = LRUCache(0)
        # Tags whose invalidation has not reached Redis. Nothing is read before they have. The value
        # tells the last invalidation of a tag from an earlier one, which may be on its way.
        self._pending: dict[str, object] = {}
        self._retrying: asyncio.Task[None] | None = None

    def use(self, client: "Redis | None") -> None:
        """Use this client from now on, or without one the connections that block."""
        self._scripts = Scripts(client) if client else None
        # Only the API has one event loop for all that is held.
        most = load_settings(CacheSettings).process_bytes if client else 0
        self._held = LRUCache(most, getsizeof=_Held.size)

    async def look(
        self, key: str, name: str, tags: Sequence[str], token: str, lock_ms: int, refresh_ms: int
    ) -> Found:
        """Return an entry. Without one, the first caller gets the lock.

        Raises:
            RedisDownError: Redis does not answer.
        """
        await self._send_pending()
        asked, versions = time.monotonic(), [*map(_tag, (EVERYTHING, *tags))]
        found, locked, version, left = await self._ask(
            LOOK,
            [_entry(key), _lock(key), _counts(), *versions],
            [name, token, lock_ms, refresh_ms, TAG_SECONDS],
        )
        body = None if found is None else _bytes(found)
        if body is not None and left > 0:
            is_valid = partial(self._check, key, [_counts(), *versions], version, name)
            held = _Held(body, asked + left / 1000, Turns(is_valid))
            if held.size() <= self._held.maxsize:
                self._held[key] = held
        return Found(body, bool(locked), _bytes(version))

    async def recall(self, key: str) -> bytes | None:
        """Return an entry that this process holds, if it is still valid.

        Raises:
            RedisDownError: Redis does not answer.
        """
        held = self._held.get(key)
        if held is None or time.monotonic() >= held.until:
            return None
        await self._send_pending()
        return held.body if await held.is_valid.ask() else None

    async def save(self, key: str, token: str, version: bytes, body: bytes, seconds: float) -> bool:
        """Store a result, unless `seconds` is 0, release the lock, and tell whether it worked."""
        values = [token, version + body if seconds else b"", int(seconds * 1000)]
        try:
            await self._ask(STORE, [_entry(key), _lock(key)], values)
        except RedisDownError:
            return False
        return seconds > 0

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Make the entries of some tags invalid. While Redis is down, repeat it until it works.

        It is also repeated if the caller is cancelled: the commit is done by then.
        """
        self._add_pending(tags)
        try:
            await self._send_pending()
        except (RedisDownError, asyncio.CancelledError) as error:
            if self._retrying is None or self._retrying.done():
                self._retrying = asyncio.create_task(self._retry())
            if isinstance(error, asyncio.CancelledError):
                raise

    def invalidate_blocking(self, tags: Iterable[str]) -> bool:
        """Do the same in a process without an event loop, and tell whether it worked.

        A failure is logged, and repeated at the next use.
        """
        self._add_pending(tags)
        sent = dict(self._pending)
        try:
            store().eval(INVALIDATE, len(sent), *map(_tag, sent), uuid4().hex, str(TAG_SECONDS))
        except (RedisError, OSError) as error:
            log.error("cache_not_invalidated", tags=sorted(sent), error=type(error).__name__)
            return False
        self._remove_pending(sent)
        return True

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return hits and misses by name. It blocks."""
        found: dict[str, list[int]] = {}
        for field, count in store().hgetall(_counts()).items():
            kind, _, name = str(field).partition(" ")
            found.setdefault(name, [0, 0])[kind == "misses"] = int(count)
        return {name: (hits, misses) for name, (hits, misses) in sorted(found.items())}

    async def _check(
        self, key: str, names: list[str], version: bytes | str, name: str, hits: int
    ) -> bool:
        if await self._ask(CHECK, names, [version, name, hits]):
            return True
        self._held.pop(key, None)
        return False

    async def _send_pending(self) -> None:
        if not self._pending:
            return
        sent = dict(self._pending)
        await self._ask(INVALIDATE, [_tag(tag) for tag in sent], [uuid4().hex, TAG_SECONDS])
        self._remove_pending(sent)

    def _add_pending(self, tags: Iterable[str]) -> None:
        self._pending.update({tag: object() for tag in tags})

    def _remove_pending(self, sent: Mapping[str, object]) -> None:
        for tag, invalidation in sent.items():
            if self._pending.get(tag) is invalidation:
                del self._pending[tag]

    async def _retry(self) -> None:
        while self._pending:
            await asyncio.sleep(self.redis.PAUSE)
            try:
                await self._send_pending()
            except RedisDownError:
                continue

    async def _ask(self, script: Script, keys: list[str], values: list[Any]) -> Any:
        if self._scripts is not None:
            run = self._scripts.run
            return await self.redis.ask(lambda: run(script, keys, values))
        blocking = store().register_script(script)
        return await self.redis.ask(lambda: asyncio.to_thread(blocking, keys, values))


STORE_OF_PROCESS = Store()


def digest(*parts: bytes) -> str:
    """Return a short text that is different for other parts."""
    text = hashlib.blake2b(digest_size=16)
    for part in parts:
        text.update(len(part).to_bytes(8, "big") + part)
    return text.hexdigest()


def _entry(key: str) -> str:
    return redis_key(f"cache:entry:{key}")


def _lock(key: str) -> str:
    return redis_key(f"cache:lock:{key}")


def _tag(tag: str) -> str:
    return redis_key(f"cache:tag:{tag}")


def _counts() -> str:
    return redis_key("cache:counts")


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
