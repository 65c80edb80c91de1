"""Who is at a limit, and how it is lifted. All functions block."""

from datetime import UTC, datetime
from typing import cast

from app.core.http.schemas import ResponseModel
from app.core.redis import store
from app.extensions.limits.windows import index, names


class Refused(ResponseModel):
    """A caller whose last request to the routes of a limit was refused."""

    key: str
    limit: str
    kind: str  # see `callers.Caller`
    caller: str
    refused_at: datetime


def list_refused() -> list[Refused]:
    """Return who was refused within the window of the limit, the latest first."""
    now = datetime.now(UTC).timestamp()
    found = []
    listed = store().zrange(index(), 0, -1, desc=True, withscores=True)
    for key, until in cast("list[tuple[str, float]]", listed):
        limit, seconds, kind, caller = key.split("/", 3)
        if until > now:
            refused_at = datetime.fromtimestamp(until - int(seconds), UTC)
            found.append(
                Refused(key=key, limit=limit, kind=kind, caller=caller, refused_at=refused_at)
            )
    return sorted(found, key=lambda each: each.refused_at, reverse=True)


def lift(key: str) -> None:
    """Let a caller in again at once: delete the counts behind a `key` of `list_refused`."""
    store().delete(*names(key))
    store().zrem(index(), key)


def reset(caller: str) -> int:
    """Lift all limits that a caller, by id or by address, has reached; return their number."""
    keys = [each.key for each in list_refused() if each.caller == caller]
    for key in keys:
        lift(key)
    return len(keys)
