"""Signed URLs, which need no key."""

from typing import Any
from urllib.parse import quote

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.storage.access import (
    integer_of,
    is_backend,
    require_backend,
    storage_json,
    storage_of,
    texts_of,
)
from devstack.supabase.storage.errors import StorageError, object_missing
from devstack.supabase.storage.receive import store_upload
from devstack.supabase.storage.send import send_object
from devstack.supabase.storage.store import UPLOAD_SECONDS


class SignedUpload(HTTPEndpoint):
    """Uploads."""

    async def post(self, request: Request) -> Response:
        """Create the URL."""
        require_backend(request)
        storage, (bucket, key) = storage_of(request), _path(request)
        upsert = request.headers.get("x-upsert") == "true"
        storage.check_free(bucket, key, replacing=upsert)
        if bucket not in storage.buckets:
            raise StorageError(404, "InvalidRequest", "The related resource does not exist")
        token = storage.sign(bucket, key, UPLOAD_SECONDS, upload=True, upsert=upsert)
        url = f"/object/upload/sign/{bucket}/{quote(key)}?token={token}"
        return JSONResponse({"url": url, "token": token})

    async def put(self, request: Request) -> Response:
        """Store the body as the object of the URL."""
        claims = _claims(request, upload=True)
        stored = await store_upload(request, replacing=claims["upsert"])
        return JSONResponse({"Key": f"{stored.bucket}/{stored.key}"})


class SignedDownload(HTTPEndpoint):
    """Downloads."""

    async def post(self, request: Request) -> Response:
        """Create the URL."""
        seconds = integer_of(await storage_json(request), "expiresIn")
        if not is_backend(request):
            raise object_missing()
        storage_of(request).get(*_path(request))
        return JSONResponse({"signedURL": _url(request, *_path(request), seconds)})

    async def get(self, request: Request) -> Response:
        """Return the object of the URL."""
        claims = _claims(request, upload=False)
        stored = storage_of(request).get(*_path(request))
        return send_object(request, stored, expires=claims["exp"])


async def sign_several(request: Request) -> Response:
    """Create URLs for several downloads; a missing object has an error in its place."""
    body, bucket = await storage_json(request), request.path_params["bucket"]
    seconds, keys = integer_of(body, "expiresIn"), texts_of(body, "paths")
    objects = storage_of(request).objects if is_backend(request) else {}
    urls: list[dict[str, Any]] = []
    for key in keys:
        found = (bucket, key) in objects
        missing = "Either the object does not exist or you do not have access to it"
        url = _url(request, bucket, key, seconds) if found else None
        urls.append({"path": key, "signedURL": url, "error": None if found else missing})
    return JSONResponse(urls)


def _path(request: Request) -> tuple[str, str]:
    return request.path_params["bucket"], request.path_params["key"]


def _claims(request: Request, *, upload: bool) -> dict[str, Any]:
    token = request.query_params.get("token", "")
    return storage_of(request).verify(token, *_path(request), upload=upload)


def _url(request: Request, bucket: str, key: str, seconds: int) -> str:
    token = storage_of(request).sign(bucket, key, seconds)
    return f"/object/sign/{bucket}/{quote(key)}?token={token}"


routes = [
    Route("/object/upload/sign/{bucket}/{key:path}", SignedUpload),
    Route("/object/sign/{bucket}", sign_several, methods=["POST"]),
    Route("/object/sign/{bucket}/{key:path}", SignedDownload),
]
