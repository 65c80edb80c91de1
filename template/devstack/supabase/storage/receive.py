"""Uploads: the body of a request, a form with one file or plain bytes, becomes an object."""

import base64
import binascii
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from devstack.supabase.storage.access import storage_of
from devstack.supabase.storage.errors import StorageError, too_large
from devstack.supabase.storage.objects import Object

CHUNK = 1 << 16  # bytes


async def store_upload(request: Request, *, replacing: bool) -> Object:
    """Store the body of a request as the object of its path.

    As in the real Storage, whether there is an object is checked at the beginning only, and the
    size of plain bytes only by the header Content-Length.

    Raises:
        StorageError: there is no such bucket, or it refuses key, size or type.
    """
    storage = storage_of(request)
    bucket_name, key = request.path_params["bucket"], request.path_params["key"]
    bucket = storage.bucket(bucket_name)
    storage.check_free(bucket_name, key, replacing=replacing)
    limit = min(bucket.file_size_limit or storage.project_limit, storage.project_limit)
    headers = request.headers
    stored = Object(bucket_name, key, 0, headers.get("content-type", "application/octet-stream"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "object"
        if stored.content_type.startswith("multipart/form-data"):
            async with request.form() as form:
                upload = _describe(stored, form)
                bucket.check_type(stored.content_type)
                if (upload.size or 0) > limit:
                    raise too_large()
                await _write(_chunks(upload), stored, source)
        else:
            stored.cache_control = headers.get("cache-control", stored.cache_control)
            stored.metadata = _user_metadata(headers.get("x-metadata"), encoded=True)
            bucket.check_type(stored.content_type)
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > limit:
                raise too_large()
            await _write(request.stream(), stored, source)
        storage.put(stored, source)
    return stored


def _describe(stored: Object, form: FormData) -> UploadFile:
    """Set type and metadata of the object from the form, and return the file in it."""
    upload = next((value for value in form.values() if isinstance(value, UploadFile)), None)
    if upload is None:
        raise StorageError(400, "InvalidRequest", "No content provided")
    # A form names the type without its parameters.
    kind = (upload.content_type or "application/octet-stream").partition(";")[0].strip()
    stored.content_type = str(form.get("contentType") or kind)
    if seconds := form.get("cacheControl"):
        stored.cache_control = f"max-age={seconds}"
    stored.metadata = _user_metadata(form.get("metadata"))
    return upload


def _user_metadata(given: object, *, encoded: bool = False) -> dict[str, Any]:
    try:
        text = base64.b64decode(str(given or "")) if encoded else str(given or "")
        value = json.loads(text or "{}")
    except (ValueError, binascii.Error):
        return {}
    return value if isinstance(value, dict) else {}


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


async def _write(chunks: AsyncIterator[bytes], stored: Object, target: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as file:
        async for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
        stored.size, stored.md5 = file.tell(), digest.hexdigest()
