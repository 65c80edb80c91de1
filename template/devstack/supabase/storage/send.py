"""Downloads: headers, ranges and conditional requests."""

import os
import re
from datetime import datetime
from email.utils import format_datetime, formatdate
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from devstack.supabase.storage.access import storage_of
from devstack.supabase.storage.errors import StorageError, object_missing
from devstack.supabase.storage.objects import Object

RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def send_object(request: Request, stored: Object, *, expires: int | None = None) -> Response:
    """Return the content of an object.

    Args:
        request: may have a range, a condition and `download` in its query.
        stored: the object.
        expires: time when a signed URL expires, in seconds since 1970.

    Raises:
        StorageError: the range is not satisfiable, or the object was removed.
    """
    # A page of a user must not run in the project's domain.
    kind = "text/plain" if "text/html" in stored.content_type else stored.content_type
    modified = datetime.fromisoformat(stored.updated_at)
    headers = {
        "Content-Type": kind,
        "ETag": stored.etag,
        "Last-Modified": format_datetime(modified, usegmt=True),
    }
    if expires is None:
        headers["Cache-Control"] = stored.cache_control
    else:
        headers["Expires"] = formatdate(expires, usegmt=True)
    if (name := request.query_params.get("download")) is not None:
        encoded = quote(name, safe="!~*'()")
        names = f" filename={encoded}; filename*=UTF-8''{encoded};" if name else ""
        headers["Content-Disposition"] = f"attachment;{names}"
    if stored.etag in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    _check_range(request.headers.get("range"), stored.size)
    try:
        return OpenFile(storage_of(request).file(stored), headers)
    except FileNotFoundError:
        raise object_missing() from None


def _check_range(asked: str | None, size: int) -> None:
    """Accept one range, which must begin within the file."""
    if asked is None:
        return
    match = RANGE.fullmatch(asked)
    start, end = match.groups() if match else ("", "")
    ordered = not start or not end or int(start) <= int(end)
    begins = int(start) < size if start else int(end or 0) > 0
    if not (ordered and begins):
        message = "The requested range is not satisfiable"
        raise StorageError(416, "InvalidRange", message, http=416)


class OpenFile(FileResponse):
    """Response with a file that is opened now, so that it is complete even if it is removed."""

    def __init__(self, path: Path, headers: dict[str, str]) -> None:
        """Raises FileNotFoundError: it does not exist any more."""
        self._file = os.open(path, os.O_RDONLY)
        super().__init__(f"/dev/fd/{self._file}", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the requested range, and close it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._file)
