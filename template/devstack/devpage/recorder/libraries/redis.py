"""Commands of Redis: their names and keys, and never their values."""

import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis import asyncio as async_redis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.client import Pipeline

from app.core.redis import Scripts
from devstack.devpage.recorder import privacy
from devstack.devpage.recorder.entry import current, record

_installed: list[bool] = []


def install() -> None:
    """Record the commands of every client, also of those that exist already."""
    if _installed:
        return
    _installed.append(True)
    _watch(Redis, "execute_command", _command)
    _watch(Pipeline, "execute", _batch)
    _watch_async(async_redis.Redis, "execute_command", _command)
    _watch_async(AsyncPipeline, "execute", _batch)
    # Core runs scripts on a connection without its client.
    _watch_async(Scripts, "run", _script)


def _watch(owner: type, name: str, describe: Callable[..., str]) -> None:
    call = getattr(owner, name)

    def watched(self: Any, *arguments: Any, **options: Any) -> Any:
        if current.get() is None:
            return call(self, *arguments, **options)
        text, started = describe(self, *arguments), time.perf_counter()
        try:
            result = call(self, *arguments, **options)
        except Exception as error:
            _record(text, started, error)
            raise
        # A pipeline that collects commands returns itself: its `execute` is recorded.
        if not isinstance(result, Pipeline):
            _record(text, started)
        return result

    setattr(owner, name, watched)


def _watch_async(owner: type, name: str, describe: Callable[..., str]) -> None:
    call = getattr(owner, name)

    async def watched(self: Any, *arguments: Any, **options: Any) -> Any:
        if current.get() is None:
            return await call(self, *arguments, **options)
        text, started = describe(self, *arguments), time.perf_counter()
        try:
            result = await call(self, *arguments, **options)
        except Exception as error:
            _record(text, started, error)
            raise
        _record(text, started)
        return result

    setattr(owner, name, watched)


def _record(text: str, started: float, error: Exception | None = None) -> None:
    ms = round((time.perf_counter() - started) * 1000, 2)
    record("redis", command=text, ms=ms, error=privacy.error_message(error) if error else None)


def _command(_client: Any, *arguments: Any) -> str:
    name = str(arguments[0]) if arguments else "?"
    if name.upper() in ("EVAL", "EVALSHA") and len(arguments) > 2:
        return f"SCRIPT {_keys(arguments[3 : 3 + int(arguments[2])])}"
    if name.upper() in ("AUTH", "HELLO", "CONFIG", "ACL"):
        return name
    return f"{name} {_keys(arguments[1:2])}".strip()


def _script(_scripts: Any, _text: Any, keys: Any, _values: Any) -> str:
    return f"SCRIPT {_keys(keys)}"


def _batch(pipeline: Any, *_: Any) -> str:
    commands = [_command(None, *args) for args, _ in map(_parts, pipeline.command_stack)]
    more = f" and {len(commands) - 3} more" if len(commands) > 3 else ""
    return f"PIPELINE {'; '.join(commands[:3])}{more}"


def _parts(command: Any) -> tuple[Any, Any]:
    return (command[0], command[1]) if isinstance(command, tuple) else (command.args, None)


def _keys(keys: Any) -> str:
    shown = []
    for key in keys:
        plain = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
        shown.append(privacy.readable(plain)[:200])
    return " ".join(shown)
