"""`@cached` for functions, and `Cached` for routes.

    @cached(expires=60, tags=("prices:{country}",))
    async def list_prices(session: AsyncSession, country: str) -> list[Price]: ...

    @router.get("")
    @Cached(expires=30, public=True, tags=("posts",))
    async def list_posts(query: Query, reader: DatabaseReader) -> OffsetPage[PostRead]: ...

The key has the name of the function, its arguments, the release, and whose data the running code
works with: at least the signed-in user, see `context.OWNERS`. Sessions and readers are not part of
it. `invalidate(session, "posts")` makes entries invalid as soon as the session has committed.
"""

import asyncio
import functools
import inspect
import json
import random
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, ParamSpec, TypeVar, get_args, get_origin
from uuid import uuid4

from fastapi import Request
from fastapi.routing import serialize_response
from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.responses import Response

from app.core import context
from app.core.auth.tokens import Claims
from app.core.database import Database, Reader
from app.core.errors import NotFoundError
from app.core.logging import get_logger
from app.core.redis import RedisDownError
from app.core.settings import get_settings, load_settings
from app.extensions.cache.invalidation import invalidate as invalidate
from app.extensions.cache.settings import CacheSettings
from app.extensions.cache.shortcuts import Shortcut
from app.extensions.cache.store import MAX_EXPIRES, STORE_OF_PROCESS, digest
from app.extensions.cache.values import loses, text_of
from app.extensions.users.schemas import UserRead

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
# Makes JSON of a result, or None if the JSON would be another value.
Dump = Callable[[Any], Awaitable[bytes | None]]

log = get_logger(__name__)

# Ways to the data, which do not change what the result is.
_LEFT_OUT = (AsyncSession, Session, Reader, Database)
_CALLERS = (UserRead, Claims)
_REQUEST = "cache_request"
# The first byte of an entry: a result, the result None, or a NotFoundError.
_RESULT, _NONE, _NOT_FOUND = b"+", b"-", b"!"
_PLACEHOLDER = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
# What the decorator of a route says about the form of its answers.
_FORM = ("include", "exclude", "by_alias", "exclude_unset", "exclude_defaults", "exclude_none")
_form_of = attrgetter("response_model", *(f"response_model_{name}" for name in _FORM))


class Answer(NamedTuple):
    """A result, and where it comes from, in the words of RFC 9211 (`Cache-Status`)."""

    body: bytes | None  # JSON
    result: Any  # of the function, if it has run
    status: str
    key: str = ""


class Cached:
    """Caches the answers of a GET route, below its decorator, and completes their headers.

    Nobody gets an answer, or a 304, who would not get one without the cache: dependencies run at
    each request, except those that `shortcuts` knows to be of no use for a hit.

    Args:
        expires: seconds after which an entry is gone, at most a day. Up to a tenth less, at random.
        public: whether the result is the same for everybody. By default, each user has their own.
        tags: see `invalidate`. `{name}` stands for an argument, as in `"items:{user.id}"`.
        version: change it by hand when the result has another form; the release also counts.
        negative: seconds for which it is cached that there is nothing: None, or NotFoundError.
        lock_seconds: how long others wait for the one who computes the result.

    Raises:
        TypeError: the function is not a coroutine, lacks an annotation, or takes something that
            cannot be part of a key, such as the request; or a tag names something else than an
            argument.
    """

    # The share of the lifetime after which one caller renews an entry, and others still get it.
    REFRESH = 0.85

    def __init__(
        self,
        *,
        expires: float,
        public: bool = False,
        tags: Sequence[str] = (),
        version: str = "",
        negative: float = 0,
        lock_seconds: float = 10,
    ) -> None:
        if not 0 < expires <= MAX_EXPIRES:
            raise ValueError(f"an entry expires after at most {MAX_EXPIRES} seconds")
        self.expires = expires
        self.public = public
        self.tags = tags
        self.version = version
        self.negative = min(negative, expires)
        self.lock_seconds = lock_seconds

    def __call__(
        self, endpoint: Callable[Parameters, Awaitable[Result]]
    ) -> Callable[Parameters, Awaitable[Result]]:
        """Cache the answers of the route."""
        function = _Function(endpoint, self)
        shortcut = Shortcut(function.arguments, public=self.public)

        def respond(request: Request, body: bytes, status: str) -> Response:
            headers = self._headers(body, status)
            if _matches(request.headers.get("if-none-match", ""), headers["ETag"]):
                return Response(status_code=304, headers=headers)
            code = request.scope["route"].status_code or 200
            return Response(body, code, headers, "application/json")

        async def serve_hit(request: Request) -> Response | None:
            entry = await shortcut.find(request)
            return None if entry is None else respond(request, _opened(entry), "hit")

        @functools.wraps(endpoint)
        async def answer(**arguments: Any) -> Any:
            request: Request = arguments.pop(_REQUEST)
            if request.method != "GET":
                raise TypeError(f"{function.name} answers {request.method}: only GET is cached")
            route = request.scope["route"]
            form = _form_of(route)

            async def dump(result: Any) -> Any:
                """As FastAPI does for a route that is not cached."""
                return await serialize_response(
                    field=route.response_field,
                    response_content=result,
                    dump_json=True,
                    **dict(zip(_FORM, form[1:], strict=True)),
                )

            found = await function.fetch(arguments, dump, repr(form))
            if found.status == "hit":
                shortcut.remember(request, arguments, found.key)
            return respond(request, found.body or b"", found.status)

        signature = inspect.signature(endpoint)
        request = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)
        answer.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*signature.parameters.values(), request]
        )
        answer.serve_hit = serve_hit  # type: ignore[attr-defined]
        return answer  # type: ignore[return-value]

    def _headers(self, body: bytes, status: str) -> dict[str, str]:
        who = "public" if self.public and context.user_id.get() is None else "private"
        return {
            "ETag": f'"{digest(body)}"',
            # Browsers keep the answer, and ask whether it is still the same.
            "Cache-Control": f"{who}, no-cache",
            "Vary": "Authorization",
            "Cache-Status": f"app; {status}",
        }


def cached(
    *,
    expires: float,
    public: bool = False,
    tags: Sequence[str] = (),
    version: str = "",
    negative: float = 0,
    lock_seconds: float = 10,
) -> Callable[[Callable[Parameters, Awaitable[Result]]], Callable[Parameters, Awaitable[Result]]]:
    """Cache the results of an async function; the arguments are those of `Cached`.

    A result is stored as JSON by its annotation, and read again with it. If that is another value,
    it is not stored, and the log has one line `cache_skipped`.

    Raises:
        TypeError: see `Cached`; also if the result has secrets or excluded fields, or is a
            generator.
    """
    options = Cached(
        expires=expires,
        public=public,
        tags=tags,
        version=version,
        negative=negative,
        lock_seconds=lock_seconds,
    )

    def decorate(
        wrapped: Callable[Parameters, Awaitable[Result]],
    ) -> Callable[Parameters, Awaitable[Result]]:
        function = _Function(wrapped, options)
        if loses(function.result.core_schema):
            raise TypeError(
                f"{function.name}: the result has secrets or excluded fields, or is a generator"
            )

        @functools.wraps(wrapped)
        async def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            if not load_settings(CacheSettings).enabled:
                return await wrapped(*args, **kwargs)
            bound = function.signature.bind(*args, **kwargs)
            bound.apply_defaults()
            body, result, status, _ = await function.fetch(bound.arguments, function.dump)
            found: Result = function.read(body) if body and status == "hit" else result
            return found

        return call

    return decorate


class _Function:
    """A function whose results are cached."""

    def __init__(self, function: Callable[..., Awaitable[Any]], options: Cached) -> None:
        self.function = function
        self.options = options
        self.name = f"{function.__module__}.{function.__qualname__}"
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{self.name} is not an async function")
        self.signature = inspect.signature(function, eval_str=True)
        # The same for everybody: who asks is no part of the key.
        left_out = (*_LEFT_OUT, *_CALLERS) if options.public else _LEFT_OUT
        self.result: TypeAdapter[Any] = self._adapter("return", self.signature.return_annotation)
        self.arguments: list[str] = []
        for name, parameter in self.signature.parameters.items():
            if not _is_left_out(parameter.annotation, left_out):
                self._adapter(name, parameter.annotation)
                self.arguments.append(name)
        for tag in options.tags:
            self._check(tag)
        self._was_skipped = False

    async def fetch(self, arguments: Mapping[str, Any], dump: Dump, form: str = "") -> Answer:
        """Return the result as JSON, from the cache or from the function.

        Args:
            arguments: all of them, by name.
            dump: makes the JSON.
            form: what else the JSON depends on.

        Raises:
            Exception: the function does; a NotFoundError may come from the cache.
        """
        if not load_settings(CacheSettings).enabled:
            return Answer(*await self._compute(arguments, dump), "fwd=bypass; detail=off")
        key = f"{self.name}:{self._key(arguments, form)}"
        tags = [tag.format(**arguments) for tag in self.options.tags]
        token = uuid4().hex
        try:
            if (held := await STORE_OF_PROCESS.recall(key)) is not None:
                return Answer(_opened(held), None, "hit", key)
            found = await self._look(key, tags, token)
        except RedisDownError:
            return Answer(*await self._compute(arguments, dump), "fwd=bypass; detail=redis")
        if found.body is not None:
            return Answer(_opened(found.body), None, "hit", key)
        entry, seconds = b"", 0.0
        try:
            body, result = await self._compute(arguments, dump)
            if body == b"null":
                entry, seconds = _NONE + body, self.options.negative
            elif body is not None:
                entry, seconds = _RESULT + body, self.options.expires
        except NotFoundError as error:
            entry = _NOT_FOUND + json.dumps([error.detail, error.code]).encode()
            seconds = self.options.negative
            raise
        finally:  # also after an error: it releases the lock
            if len(entry) > load_settings(CacheSettings).max_bytes:
                seconds = 0.0
            lifetime = seconds * random.uniform(0.9, 1)  # noqa: S311 - so that not all end at once
            stored = await STORE_OF_PROCESS.save(key, token, found.version, entry, lifetime)
        return Answer(body, result, "fwd=miss; stored" if stored else "fwd=miss")

    async def dump(self, result: Any) -> bytes | None:
        """Return the JSON of a result, or None if it would be read as another value."""
        try:
            valid = self.result.validate_python(result)
            body = self.result.dump_json(valid, by_alias=False, round_trip=True)
            if self.read(body) == result:
                return body
        except ValueError:  # of Pydantic
            pass
        if not self._was_skipped:
            self._was_skipped = True
            log.warning("cache_skipped", function=self.name, reason="JSON changes the result")
        return None

    def read(self, body: bytes) -> Any:
        """Return the result of which `dump` has made this JSON."""
        return self.result.validate_json(body, by_alias=False, by_name=True)

    async def _look(self, key: str, tags: list[str], token: str) -> Any:
        options = self.options
        lock_ms = int(options.lock_seconds * 1000)
        refresh_ms = int(options.expires * (1 - options.REFRESH) * 1000)
        deadline, pause = time.monotonic() + options.lock_seconds, 0.01
        while True:
            found = await STORE_OF_PROCESS.look(key, self.name, tags, token, lock_ms, refresh_ms)
            if found.body is not None or found.locked or time.monotonic() > deadline:
                return found
            await asyncio.sleep(pause)
            pause = min(0.1, pause * 1.5)

    async def _compute(self, arguments: Mapping[str, Any], dump: Dump) -> tuple[bytes | None, Any]:
        call = inspect.BoundArguments(self.signature, OrderedDict(arguments))
        result = await self.function(*call.args, **call.kwargs)
        return await dump(result), result

    def _key(self, arguments: Mapping[str, Any], form: str) -> str:
        owners = () if self.options.public else context.OWNERS.values()
        whose = (owner.get() or "" for owner in owners)
        parts = (get_settings().app_version, self.options.version, form, *whose)
        values = (text_of(arguments[name]) for name in self.arguments)
        return digest(*(part.encode() for part in (*parts, *values)))

    def _check(self, tag: str) -> None:
        for name, attribute in _PLACEHOLDER.findall(tag):
            parameter = self.signature.parameters.get(name)
            if parameter is None or (attribute and not _has(parameter.annotation, attribute)):
                break
        else:
            if not set("{}") & set(_PLACEHOLDER.sub("", tag)):
                return
        raise TypeError(
            f"{self.name}: something in braces in the tag {tag!r} is not an argument, nor a field "
            "of an argument that is never None"
        )

    def _adapter(self, name: str, annotation: Any) -> TypeAdapter[Any]:
        if annotation is inspect.Parameter.empty:
            raise TypeError(f"{self.name}: {name} has no annotation")
        try:
            return TypeAdapter(annotation)
        except PydanticSchemaGenerationError as error:
            raise TypeError(f"{self.name}: {name} cannot be cached as JSON") from error


def _is_left_out(annotation: Any, types: tuple[type, ...]) -> bool:
    kind = _bare(annotation)
    return inspect.isclass(kind) and issubclass(kind, types)


def _has(annotation: Any, attribute: str) -> bool:
    kind = _bare(annotation)
    fields = (*getattr(kind, "model_fields", ()), *getattr(kind, "__dataclass_fields__", ()))
    return inspect.isclass(kind) and (attribute in fields or hasattr(kind, attribute))


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _opened(entry: bytes) -> bytes:
    kind, body = entry[:1], entry[1:]
    if kind == _NOT_FOUND:
        detail, code = json.loads(body)
        raise NotFoundError(detail, code=code)
    return body


def _matches(header: str, etag: str) -> bool:
    """Whether `If-None-Match` has an entity tag; `W/` does not matter for it (RFC 9110)."""
    sent = {each.strip().removeprefix("W/") for each in header.split(",")}
    return etag in sent or "*" in sent
