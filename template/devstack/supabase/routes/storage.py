"""Buckets and objects over HTTP, for `supabase.storage`."""

from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import services
from devstack.supabase.storage import UPLOAD_SECONDS, Bucket, Object, Storage, StorageError
from devstack.supabase.storage_requests import (
    is_backend,
    object_path,
    require_backend,
    send_object,
    storage_json,
    store_upload,
)


class Buckets(HTTPEndpoint):
    """All buckets."""

    async def get(self, request: Request) -> Response:
        """List the buckets; users see none."""
        found = _storage(request).buckets.values() if is_backend(request) else ()
        return JSONResponse([bucket.to_json() for bucket in found])

    async def post(self, request: Request) -> Response:
        """Create a bucket."""
        require_backend(request)
        body = await storage_json(request)
        bucket = Bucket(str(body.get("id") or body.get("name") or ""))
        _update(bucket, body)
        _storage(request).add_bucket(bucket)
        return JSONResponse({"name": bucket.id})


class OneBucket(HTTPEndpoint):
    """One bucket."""

    async def get(self, request: Request) -> Response:
        """Return the bucket."""
        return JSONResponse(self.bucket(request).to_json())

    async def put(self, request: Request) -> Response:
        """Change the limits."""
        require_backend(request)
        bucket, body = self.bucket(request), await storage_json(request)
        with _storage(request).change():
            _update(bucket, body)
        return JSONResponse({"message": "Successfully updated"})

    async def delete(self, request: Request) -> Response:
        """Remove the bucket."""
        require_backend(request)
        _storage(request).remove_bucket(self.bucket(request).id)
        return JSONResponse({"message": "Successfully deleted"})

    def bucket(self, request: Request) -> Bucket:
        """Return the bucket in the path."""
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
        """Return the content."""
        return send_object(request, _object(request))

    async def post(self, request: Request) -> Response:
        """Store a new object; with `x-upsert: true`, it may replace another."""
        require_backend(request)
        return await store_upload(request, replace=request.headers.get("x-upsert") == "true")

    async def put(self, request: Request) -> Response:
        """Store an object, which may replace another."""
        require_backend(request)
        return await store_upload(request, replace=True)


class SignedUpload(HTTPEndpoint):
    """Uploads with a signed URL instead of a key."""

    async def post(self, request: Request) -> Response:
        """Create the URL."""
        require_backend(request)
        bucket, key = object_path(request)
        _storage(request).bucket(bucket)
        upsert = request.headers.get("x-upsert") == "true"
        if not upsert and (bucket, key) in _storage(request).objects:
            raise StorageError(409, "Duplicate", "The resource already exists")
        token = _storage(request).sign(bucket, key, UPLOAD_SECONDS, upload=True, upsert=upsert)
        return JSONResponse(
            {"url": f"/object/upload/sign/{bucket}/{key}?token={token}", "token": token}
        )

    async def put(self, request: Request) -> Response:
        """Store the body as the object of the URL."""
        claims = _verify(request, upload=True)
        return await store_upload(request, replace=claims["upsert"])


class SignedDownload(HTTPEndpoint):
    """Downloads with a signed URL instead of a key."""

    async def post(self, request: Request) -> Response:
        """Create the URL."""
        body = await storage_json(request)
        stored = _object(request)
        return JSONResponse({"signedURL": _signed_url(request, stored, body)})

    async def get(self, request: Request) -> Response:
        """Return the object of the URL."""
        _verify(request, upload=False)
        return send_object(request, _storage(request).get(*object_path(request)))


async def sign_several(request: Request) -> Response:
    """Create download URLs for several objects; a missing object has an error in its place."""
    require_backend(request)
    body, bucket = await storage_json(request), request.path_params["bucket"]
    urls = []
    for key in body.get("paths", []):
        stored = _storage(request).objects.get((bucket, key))
        error = None if stored else "Either the object does not exist or you do not have access"
        url = _signed_url(request, stored, body) if stored else None
        urls.append({"path": key, "signedURL": url, "error": error})
    return JSONResponse(urls)


async def public(request: Request) -> Response:
    """Return an object of a public bucket, without a key."""
    bucket, key = object_path(request)
    if not _storage(request).bucket(bucket).public:
        raise StorageError(404, "Bucket not found", "Bucket not found")
    return send_object(request, _storage(request).get(bucket, key))


async def info(request: Request) -> Response:
    """Return the metadata of an object."""
    stored = _object(request)
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
    body, bucket = await storage_json(request), request.path_params["bucket"]
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
    search = str(body.get("search") or "").lower()
    found = [entries[name] for name in sorted(entries) if search in name.lower()]
    offset, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
    return JSONResponse(found[offset : offset + limit])


async def remove(request: Request) -> Response:
    """Remove objects, and list those that existed."""
    body, bucket = await storage_json(request), request.path_params["bucket"]
    keys = [str(key) for key in body.get("prefixes", [])] if is_backend(request) else []
    removed = _storage(request).remove(bucket, keys)
    return JSONResponse(
        [{"name": each.key, "bucket_id": bucket, "id": each.id} for each in removed]
    )


async def move_or_copy(request: Request) -> Response:
    """Move or copy an object within its bucket."""
    require_backend(request)
    body = await storage_json(request)
    bucket, keep = str(body.get("bucketId")), request.url.path.endswith("/copy")
    source, target = str(body.get("sourceKey")), str(body.get("destinationKey"))
    stored = _storage(request).move(bucket, source, target, keep=keep)
    if keep:
        return JSONResponse({"Id": stored.id, "Key": f"{bucket}/{target}"})
    return JSONResponse({"message": "Successfully moved"})


def _storage(request: Request) -> Storage:
    return services(request).storage


def _object(request: Request) -> Object:
    if not is_backend(request):
        raise StorageError(404, "not_found", "Object not found")
    return _storage(request).get(*object_path(request))


def _verify(request: Request, *, upload: bool) -> dict[str, Any]:
    token = request.query_params.get("token", "")
    return _storage(request).verify(token, *object_path(request), upload=upload)


def _signed_url(request: Request, stored: Object, body: dict[str, Any]) -> str:
    try:
        seconds = int(body.get("expiresIn", ""))
    except ValueError:
        raise StorageError(400, "Error", "body/expiresIn must be integer") from None
    token = _storage(request).sign(stored.bucket, stored.key, seconds)
    return f"/object/sign/{stored.bucket}/{stored.key}?token={token}"


def _update(bucket: Bucket, body: dict[str, Any]) -> None:
    if "public" in body:
        bucket.public = bool(body["public"])
    if "file_size_limit" in body:
        limit = body["file_size_limit"]
        bucket.file_size_limit = int(limit) if limit is not None else None
    if "allowed_mime_types" in body:
        bucket.allowed_mime_types = body["allowed_mime_types"]


# The first match counts, so the routes with the most general paths come last.
routes = [
    Route("/bucket", Buckets),
    Route("/bucket/{bucket}", OneBucket),
    Route("/bucket/{bucket}/empty", empty, methods=["POST"]),
    Route("/object/list/{bucket}", listing, methods=["POST"]),
    Route("/object/move", move_or_copy, methods=["POST"]),
    Route("/object/copy", move_or_copy, methods=["POST"]),
    Route("/object/info/{bucket}/{key:path}", info),
    Route("/object/public/{bucket}/{key:path}", public),
    Route("/object/upload/sign/{bucket}/{key:path}", SignedUpload),
    Route("/object/sign/{bucket}", sign_several, methods=["POST"]),
    Route("/object/sign/{bucket}/{key:path}", SignedDownload),
    Route("/object/{bucket}", remove, methods=["DELETE"]),
    Route("/object/{bucket}/{key:path}", OneObject),
]
