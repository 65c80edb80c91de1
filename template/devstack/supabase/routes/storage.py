"""Buckets and objects over HTTP, as `supabase.storage` asks for them."""

import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from devstack.supabase.access import auth_of, bearer, same
from devstack.supabase.errors import AuthError
from devstack.supabase.storage import UPLOAD_SECONDS, Bucket, Object, Storage, StorageError


class Buckets(HTTPEndpoint):
    """All buckets."""

    async def get(self, request: Request) -> Response:
        """List them; users see none."""
        found = _storage(request).buckets.values() if is_backend(request) else ()
        return JSONResponse([bucket.shown() for bucket in found])

    async def post(self, request: Request) -> Response:
        """Make one."""
        require_backend(request)
        body = await _json(request)
        bucket = Bucket(str(body.get("id") or body.get("name") or ""))
        _apply(bucket, body)
        _storage(request).add_bucket(bucket)
        return JSONResponse({"name": bucket.id})


class OneBucket(HTTPEndpoint):
    """One bucket."""

    async def get(self, request: Request) -> Response:
        """Show it."""
        return JSONResponse(self.bucket(request).shown())

    async def put(self, request: Request) -> Response:
        """Change its limits."""
        require_backend(request)
        bucket, body = self.bucket(request), await _json(request)
        with _storage(request).change():
            _apply(bucket, body)
        return JSONResponse({"message": "Successfully updated"})

    async def delete(self, request: Request) -> Response:
        """Remove it."""
        require_backend(request)
        _storage(request).remove_bucket(self.bucket(request).id)
        return JSONResponse({"message": "Successfully deleted"})

    def bucket(self, request: Request) -> Bucket:
        """Find the bucket that the path names."""
        if not is_backend(request):
            raise StorageError(404, "Bucket not found", "Bucket not found")
        return _storage(request).bucket(request.path_params["bucket"])


async def empty(request: Request) -> Response:
    """Remove every object of a bucket."""
    require_backend(request)
    storage, name = _storage(request), request.path_params["bucket"]
    storage.bucket(name)
    storage.remove(name, [key for bucket, key in storage.objects if bucket == name])
    return JSONResponse({"message": "Successfully emptied"})


class OneObject(HTTPEndpoint):
    """One object."""

    async def get(self, request: Request) -> Response:
        """Send it."""
        return _sent(request, _found(request))

    async def post(self, request: Request) -> Response:
        """Store a new one; with `x-upsert: true` in place of another."""
        require_backend(request)
        return await _stored(request, replace=request.headers.get("x-upsert") == "true")

    async def put(self, request: Request) -> Response:
        """Store it in place of another."""
        require_backend(request)
        return await _stored(request, replace=True)


class SignedUpload(HTTPEndpoint):
    """Uploads by people who have no key but an address that was made for them."""

    async def post(self, request: Request) -> Response:
        """Make the address."""
        require_backend(request)
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        _storage(request).bucket(bucket)
        upsert = request.headers.get("x-upsert") == "true"
        if not upsert and (bucket, key) in _storage(request).objects:
            raise StorageError(409, "Duplicate", "The resource already exists")
        token = _storage(request).sign(bucket, key, UPLOAD_SECONDS, upload=True, upsert=upsert)
        return JSONResponse(
            {"url": f"/object/upload/sign/{bucket}/{key}?token={token}", "token": token}
        )

    async def put(self, request: Request) -> Response:
        """Store what is sent to the address."""
        token = request.query_params.get("token", "")
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        claims = _storage(request).signed(token, bucket, key, upload=True)
        return await _stored(request, replace=claims["upsert"])


class SignedDownload(HTTPEndpoint):
    """Downloads by people who have no key."""

    async def post(self, request: Request) -> Response:
        """Make the address."""
        body = await _json(request)
        stored = _found(request)
        return JSONResponse({"signedURL": _address(request, stored, body)})

    async def get(self, request: Request) -> Response:
        """Send the object that the address was made for."""
        token = request.query_params.get("token", "")
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        _storage(request).signed(token, bucket, key, upload=False)
        return _sent(request, _storage(request).get(bucket, key))


async def sign_several(request: Request) -> Response:
    """Make addresses for several objects; what is missing is named in its place."""
    require_backend(request)
    body, bucket = await _json(request), request.path_params["bucket"]
    answers = []
    for key in body.get("paths", []):
        stored = _storage(request).objects.get((bucket, key))
        error = None if stored else "Either the object does not exist or you do not have access"
        url = _address(request, stored, body) if stored else None
        answers.append({"path": key, "signedURL": url, "error": error})
    return JSONResponse(answers)


async def public(request: Request) -> Response:
    """Send an object of a public bucket to anybody."""
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    if not _storage(request).bucket(bucket).public:
        raise StorageError(404, "Bucket not found", "Bucket not found")
    return _sent(request, _storage(request).get(bucket, key))


async def info(request: Request) -> Response:
    """Tell about an object."""
    stored = _found(request)
    return JSONResponse(
        {
            "id": stored.id,
            "name": stored.key,
            "version": stored.id,
            "bucket_id": stored.bucket,
            "size": stored.size,
            "content_type": stored.content_type,
            "cache_control": stored.cache_control,
            "etag": f'"{stored.id}"',
            "metadata": stored.metadata,
            "last_modified": stored.created_at,
            "created_at": stored.created_at,
        }
    )


async def listing(request: Request) -> Response:
    """List one level below a prefix: objects, and folders as entries without an id."""
    body, bucket = await _json(request), request.path_params["bucket"]
    prefix = str(body.get("prefix") or "").strip("/")
    start = f"{prefix}/" if prefix else ""
    entries: dict[str, dict[str, Any]] = {}
    for name, key in _storage(request).objects if is_backend(request) else ():
        if name != bucket or not key.startswith(start):
            continue
        head, slash, _ = key.removeprefix(start).partition("/")
        stored = _storage(request).objects[name, key]
        entries[head] = {
            "name": head,
            "id": None if slash else stored.id,
            "created_at": None if slash else stored.created_at,
            "updated_at": None if slash else stored.created_at,
            "last_accessed_at": None if slash else stored.created_at,
            "metadata": None if slash else {"size": stored.size, "mimetype": stored.content_type},
        }
    wanted = str(body.get("search") or "").lower()
    found = [entries[name] for name in sorted(entries) if wanted in name.lower()]
    offset, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
    return JSONResponse(found[offset : offset + limit])


async def remove(request: Request) -> Response:
    """Remove objects; the answer names those that were there."""
    body, bucket = await _json(request), request.path_params["bucket"]
    keys = [str(key) for key in body.get("prefixes", [])] if is_backend(request) else []
    gone = _storage(request).remove(bucket, keys)
    return JSONResponse([{"name": each.key, "bucket_id": bucket, "id": each.id} for each in gone])


async def rename(request: Request) -> Response:
    """Move or copy an object within its bucket."""
    require_backend(request)
    body = await _json(request)
    bucket, keep = str(body.get("bucketId")), request.url.path.endswith("/copy")
    source, target = str(body.get("sourceKey")), str(body.get("destinationKey"))
    stored = _storage(request).move(bucket, source, target, keep=keep)
    if keep:
        return JSONResponse({"Id": stored.id, "Key": f"{bucket}/{target}"})
    return JSONResponse({"message": "Successfully moved"})


def is_backend(request: Request) -> bool:
    """Tell the secret key from a user.

    Raises:
        StorageError: the caller is neither.
    """
    secret: str = request.app.state.secret_key
    try:
        token = bearer(request)
    except AuthError:
        message = "headers must have required property 'authorization'"
        raise StorageError(400, "Error", message) from None
    if same(token, secret):
        return True
    if not same(token, request.app.state.publishable_key):
        try:
            auth_of(request).signed_in(token)
        except AuthError as error:
            raise StorageError(403, "Unauthorized", str(error)) from None
    return False


def require_backend(request: Request) -> None:
    """Let only the secret key pass.

    Raises:
        StorageError: it is somebody else, whom no policy allows anything.
    """
    if not is_backend(request):
        message = "new row violates row-level security policy"
        raise StorageError(403, "Unauthorized", message)


def storage_error(_: Request, error: Exception) -> JSONResponse:
    """Answer a StorageError: the real status stands in the body, as on the platform."""
    assert isinstance(error, StorageError)
    body = {"statusCode": str(error.status), "error": error.error, "message": str(error)}
    return JSONResponse(body, 400)


def _storage(request: Request) -> Storage:
    storage: Storage = request.app.state.storage
    return storage


def _found(request: Request) -> Object:
    if not is_backend(request):
        raise StorageError(404, "not_found", "Object not found")
    return _storage(request).get(request.path_params["bucket"], request.path_params["key"])


def _address(request: Request, stored: Object, body: dict[str, Any]) -> str:
    try:
        seconds = int(body.get("expiresIn", ""))
    except ValueError:
        raise StorageError(400, "Error", "body/expiresIn must be integer") from None
    token = _storage(request).sign(stored.bucket, stored.key, seconds)
    return f"/object/sign/{stored.bucket}/{stored.key}?token={token}"


def _sent(request: Request, stored: Object) -> Response:
    headers = {"Cache-Control": stored.cache_control, "ETag": f'"{stored.id}"'}
    if (name := request.query_params.get("download")) is not None:
        name = name or stored.key.rpartition("/")[2]
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    try:
        return OpenFile(_storage(request).file(stored), stored.content_type, headers)
    except FileNotFoundError:
        raise StorageError(404, "not_found", "Object not found") from None


class OpenFile(FileResponse):
    """A file, open from here on: one that is removed meanwhile is sent whole all the same."""

    def __init__(self, path: Path, media_type: str, headers: dict[str, str]) -> None:
        """Raises FileNotFoundError: it is not there any more."""
        self._file = os.open(path, os.O_RDONLY)
        super().__init__(f"/dev/fd/{self._file}", media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or refuse the range that is asked for, and close it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._file)


async def _stored(request: Request, *, replace: bool) -> Response:
    async with _received(request) as (source, stored):
        _storage(request).put(stored, source, replace=replace)
    return JSONResponse({"Id": stored.id, "Key": f"{stored.bucket}/{stored.key}"})


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[tuple[Path, Object]]:
    """Take the body, a form with one file or the bare bytes, without holding it in memory."""
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    stored = Object(bucket, key, 0, request.headers.get("content-type", "text/plain"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "object"
        with source.open("wb") as file:
            if stored.content_type.startswith("multipart/form-data"):
                async with request.form() as form:
                    upload = next((v for v in form.values() if isinstance(v, UploadFile)), None)
                    if upload is None:
                        raise StorageError(400, "Error", "The form holds no file")
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


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise StorageError(400, "Error", "Body is not valid JSON") from None
    if not isinstance(body, dict):
        raise StorageError(400, "Error", "body must be object")
    return body


def _apply(bucket: Bucket, body: dict[str, Any]) -> None:
    if "public" in body:
        bucket.public = bool(body["public"])
    if "file_size_limit" in body:
        limit = body["file_size_limit"]
        bucket.file_size_limit = int(limit) if limit is not None else None
    if "allowed_mime_types" in body:
        bucket.allowed_mime_types = body["allowed_mime_types"]


# The first that matches answers: the bare object comes last.
routes = [
    Route("/bucket", Buckets),
    Route("/bucket/{bucket}", OneBucket),
    Route("/bucket/{bucket}/empty", empty, methods=["POST"]),
    Route("/object/list/{bucket}", listing, methods=["POST"]),
    Route("/object/move", rename, methods=["POST"]),
    Route("/object/copy", rename, methods=["POST"]),
    Route("/object/info/{bucket}/{key:path}", info),
    Route("/object/public/{bucket}/{key:path}", public),
    Route("/object/upload/sign/{bucket}/{key:path}", SignedUpload),
    Route("/object/sign/{bucket}", sign_several, methods=["POST"]),
    Route("/object/sign/{bucket}/{key:path}", SignedDownload),
    Route("/object/{bucket}", remove, methods=["DELETE"]),
    Route("/object/{bucket}/{key:path}", OneObject),
]
