"""What the routes of Storage share: access, JSON bodies, and the transfer of files."""

import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from devstack.supabase.access import bearer, json_object, keys_equal, services
from devstack.supabase.errors import AuthError
from devstack.supabase.storage import Object, StorageError


def is_backend(request: Request) -> bool:
    """Return whether the request has the secret key; False for users and the publishable key.

    Raises:
        StorageError: there is no valid key or token.
    """
    try:
        token = bearer(request)
    except AuthError:
        message = "headers must have required property 'authorization'"
        raise StorageError(400, "Error", message) from None
    if keys_equal(token, services(request).secret_key):
        return True
    if not keys_equal(token, services(request).publishable_key):
        try:
            services(request).auth.signed_in(token)
        except AuthError as error:
            raise StorageError(403, "Unauthorized", str(error)) from None
    return False


def require_backend(request: Request) -> None:
    """Allow only requests with the secret key.

    Raises:
        StorageError: another caller, for whom no policy allows anything.
    """
    if not is_backend(request):
        message = "new row violates row-level security policy"
        raise StorageError(403, "Unauthorized", message)


def storage_error(_: Request, error: Exception) -> JSONResponse:
    """Turn a StorageError into a response; as on the platform, its status is in the body only."""
    assert isinstance(error, StorageError)
    body = {"statusCode": str(error.status), "error": error.error, "message": str(error)}
    return JSONResponse(body, 400)


async def storage_json(request: Request) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        StorageError: it is no JSON object.
    """
    try:
        return await json_object(request)
    except AuthError:
        raise StorageError(400, "Error", "Body is not a valid JSON object") from None


def object_path(request: Request) -> tuple[str, str]:
    """Return bucket and key from the path of a request."""
    return request.path_params["bucket"], request.path_params["key"]


async def store_upload(request: Request, *, replace: bool) -> Response:
    """Store the body of a request as an object."""
    async with _receive(request) as (source, stored):
        services(request).storage.put(stored, source, replace=replace)
    return JSONResponse({"Id": stored.id, "Key": f"{stored.bucket}/{stored.key}"})


@asynccontextmanager
async def _receive(request: Request) -> AsyncIterator[tuple[Path, Object]]:
    """Write the body, a form with one file or plain bytes, to a file, chunk by chunk."""
    bucket, key = object_path(request)
    stored = Object(bucket, key, 0, request.headers.get("content-type", "text/plain"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "object"
        with source.open("wb") as file:
            if stored.content_type.startswith("multipart/form-data"):
                async with request.form() as form:
                    upload = next((v for v in form.values() if isinstance(v, UploadFile)), None)
                    if upload is None:
                        raise StorageError(400, "Error", "The form contains no file")
                    stored.content_type = upload.content_type or "application/octet-stream"
                    stored.cache_control = f"max-age={form.get('cacheControl', '3600')}"
                    if (metadata := form.get("metadata")) and isinstance(metadata, str):
                        stored.metadata = json.loads(metadata)
                    while chunk := await upload.read(1 << 16):
                        file.write(chunk)
            else:
                async for chunk in request.stream():
                    file.write(chunk)
            stored.size = file.tell()
        yield source, stored


def send_object(request: Request, stored: Object) -> Response:
    """Return the content of an object."""
    headers = {"Cache-Control": stored.cache_control, "ETag": f'"{stored.id}"'}
    if (name := request.query_params.get("download")) is not None:
        name = name or stored.key.rpartition("/")[2]
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    try:
        return OpenFile(services(request).storage.file(stored), stored.content_type, headers)
    except FileNotFoundError:
        raise StorageError(404, "not_found", "Object not found") from None


class OpenFile(FileResponse):
    """Response with a file that is opened now, so that it is complete even if it is removed."""

    def __init__(self, path: Path, media_type: str, headers: dict[str, str]) -> None:
        """Raises FileNotFoundError: it does not exist any more."""
        self._file = os.open(path, os.O_RDONLY)
        super().__init__(f"/dev/fd/{self._file}", media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or refuse the requested range, and close it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._file)
