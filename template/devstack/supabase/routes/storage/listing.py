"""Lists of objects: one level below a prefix, or all keys with a prefix."""

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.storage.access import (
    integer_of,
    is_backend,
    storage_json,
    storage_of,
    text_of,
)
from devstack.supabase.storage.errors import invalid
from devstack.supabase.storage.objects import Object

COLUMNS = ("name", "updated_at", "created_at", "last_accessed_at")
ORDERS = ("asc", "desc")


async def listing(request: Request) -> Response:
    """List one level below a prefix: folders, which have no id, then objects. Case is ignored."""
    body = await storage_json(request)
    prefix = text_of(body, "prefix").strip("/")
    column, descending = _order(body)
    start = f"{prefix}/" if prefix else ""
    search = str(body.get("search") or "").lower()
    folders: set[str] = set()
    files = []
    for stored in _objects(request):
        if not stored.key.lower().startswith(start.lower() + search):
            continue
        name, slash, _ = stored.key[len(start) :].partition("/")
        if slash:
            folders.add(name)
        else:
            files.append(stored.entry(name))
    nothing = dict.fromkeys(("id", *COLUMNS[1:], "metadata"))
    files.sort(key=lambda entry: str(entry[column]), reverse=descending)
    names = sorted(folders, reverse=descending and column == "name")
    found = [*({"name": name, **nothing} for name in names), *files]
    offset = integer_of(body, "offset", 0, minimum=0)
    limit = integer_of(body, "limit", 100)
    return JSONResponse(found[offset : offset + limit])


async def listing_v2(request: Request) -> Response:
    """List all keys that start with a prefix, or with a delimiter the next level only."""
    body = await storage_json(request)
    prefix, delimited = str(body.get("prefix") or ""), bool(body.get("with_delimiter"))
    column, descending = _order(body)
    folders: dict[str, dict[str, Any]] = {}
    files = []
    for stored in _objects(request):
        if not stored.key.startswith(prefix):
            continue
        head, slash, _ = stored.key.removeprefix(prefix).partition("/")
        if delimited and slash:
            name = f"{prefix}{head}/"
            folders[name] = {"name": name, "key": name}
        else:
            files.append({**stored.entry(stored.key), "key": stored.key})
    files.sort(key=lambda entry: str(entry[column]), reverse=descending)
    found = [*(folders[name] for name in sorted(folders)), *files]
    start, limit = _offset(body.get("cursor")), integer_of(body, "limit", 1000)
    page, more = found[start : start + limit], len(found) > start + limit
    answer: dict[str, Any] = {
        "hasNext": more,
        "folders": [each for each in page if "id" not in each],
        "objects": [each for each in page if "id" in each],
    }
    if more:
        answer["nextCursor"] = base64.b64encode(str(start + limit).encode()).decode()
    return JSONResponse(answer)


def _objects(request: Request) -> list[Object]:
    """Return the objects of the bucket in the path; users see none."""
    bucket, objects = request.path_params["bucket"], storage_of(request).objects
    return [objects[key] for key in objects if key[0] == bucket] if is_backend(request) else []


def _order(body: dict[str, Any]) -> tuple[str, bool]:
    order = body.get("sortBy") or {}
    if not isinstance(order, dict):
        raise invalid("body/sortBy must be object")
    column, direction = order.get("column", "name"), order.get("order", "asc")
    if column not in COLUMNS or direction not in ORDERS:
        raise invalid("body/sortBy must be equal to one of the allowed values")
    return column, direction == "desc"


def _offset(cursor: object) -> int:
    try:
        return int(base64.b64decode(str(cursor))) if cursor else 0
    except ValueError:
        raise invalid("Invalid cursor") from None


routes = [
    Route("/object/list/{bucket}", listing, methods=["POST"]),
    Route("/object/list-v2/{bucket}", listing_v2, methods=["POST"]),
]
