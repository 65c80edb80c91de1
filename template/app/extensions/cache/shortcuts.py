"""Hits of a cached route without what FastAPI does for its parameters.

The key of an answer depends on the path, the query string and the caller. A process remembers the
key for each of them that the route has served. A later request then only runs the dependencies that
say who calls, or refuse the caller, before it gets the answer. This is possible if the route has no
other dependencies than these and the ways to the database, and reads no headers and cookies.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

from cachetools import LRUCache
from fastapi import Request
from fastapi.dependencies.models import Dependant

from app.core import context
from app.core.auth.dependencies import WithToken
from app.core.database import DatabaseReader, DatabaseSession
from app.core.redis import RedisDownError
from app.core.settings import load_settings
from app.extensions.cache.settings import CacheSettings
from app.extensions.cache.store import STORE_OF_PROCESS
from app.extensions.cache.values import text_of

KEYS = 10_000  # that a process remembers for each route
# Dependencies that only give access. A session that acts as the user is none: it also refuses.
_ACCESS = {get_args(each)[1].dependency for each in (DatabaseReader, DatabaseSession)}

RequestKey = tuple[Any, ...]


class Caller(NamedTuple):
    """A dependency that says who calls."""

    name: str | None  # of the parameter that gets the result
    find: WithToken[Any]


class Shortcut:
    """The keys of a route."""

    def __init__(self, arguments: list[str], *, public: bool) -> None:
        """Take the names of the arguments that are part of the key."""
        self._arguments = arguments
        self._public = public
        self._keys: LRUCache[RequestKey, str] = LRUCache(KEYS)
        # By the id of a route, which is kept so that no other one gets its id.
        self._callers: dict[int, tuple[Any, list[Caller] | None]] = {}

    def remember(self, request: Request, arguments: Mapping[str, Any], key: str) -> None:
        """Remember the key of an answer that is stored now."""
        callers = self._callers_of(request)
        if callers is not None:
            self._keys[self._request_key(request, callers, arguments)] = key

    async def find(self, request: Request) -> bytes | None:
        """Return the entry for a request, or None if FastAPI has to serve it.

        Raises:
            AppError: the caller may not have it.
        """
        callers = self._callers_of(request)
        if callers is None or request.app.dependency_overrides:
            return None
        if not load_settings(CacheSettings).enabled:
            return None
        found = {each.name: await each.find(request) for each in callers}
        key = self._keys.get(self._request_key(request, callers, found))
        try:
            return await STORE_OF_PROCESS.recall(key) if key else None
        except RedisDownError:
            return None

    def _request_key(
        self, request: Request, callers: list[Caller], values: Mapping[Any, Any]
    ) -> RequestKey:
        scope = request.scope
        return (
            scope["path"],
            scope["query_string"],
            None if self._public else context.user_id.get(),
            *(text_of(values[name]) for name, _ in callers if name in self._arguments),
        )

    def _callers_of(self, request: Request) -> list[Caller] | None:
        route = request.scope.get("exact")  # see `app.core.http.exact_routes`
        if route is None:
            return None
        if id(route) not in self._callers:
            self._callers[id(route)] = route, _callers(route.dependant)
        return self._callers[id(route)][1]


def _callers(route: Dependant) -> list[Caller] | None:
    """The dependencies of a route that must run, or None if others might matter."""
    if route.header_params or route.cookie_params or route.body_params:
        return None
    needed: list[Caller] = []
    for each in route.dependencies:
        if isinstance(each.call, WithToken):
            needed.append(Caller(each.name, each.call))
        elif each.call not in _ACCESS:
            return None
    return needed


def add_shortcut(
    build: Callable[[], Any], serve_hit: Callable[[Request], Any]
) -> Callable[[], Any]:
    """Return what builds the handler of a route: `serve_hit` comes first, and may return None."""

    def build_with_shortcut() -> Any:
        handler = build()

        async def handle(request: Request) -> Any:
            return await serve_hit(request) or await handler(request)

        return handle

    return build_with_shortcut
