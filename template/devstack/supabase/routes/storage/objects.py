"""Objects: upload, download, info, move, copy, remove."""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.storage.access import (
    is_backend,
    require_backend,
    storage_json,
    storage_of,
    text_of,
    texts_of,
)
from devstack.supabase.storage.errors import StorageError, bucket_missing, object_missing
from devstack.supabase.storage.objects import Object
from devstack.supabase.storage.receive import store_upload
from devstack.supabase.storage.send import send_object


class OneObject(HTTPEndpoint):
    """One object."""

    async def get(self, request: Request) -> Response:
        """Return the content."""
        try:
            is_backend(request)
        except StorageError:
            # Without a valid token, only public buckets can be seen.
            raise bucket_missing() from None
        return send_object(request, _object(request))

    async def post(self, request: Request) -> Response:
        """Store a new object; with `x-upsert: true`, it may replace another."""
        return await self.store(request, replacing=request.headers.get("x-upsert") == "true")

    async def put(self, request: Request) -> Response:
        """Store an object, which may replace another."""
        return await self.store(request, replacing=True)

    async def delete(self, request: Request) -> Response:
        """Remove the object."""
        stored = _object(request)
        storage_of(request).remove(stored.bucket, [stored.key])
        return JSONResponse({"message": "Successfully deleted"})

    async def store(self, request: Request, *, replacing: bool) -> Response:
        """Store the body."""
        require_backend(request)
        stored = await store_upload(request, replacing=replacing)
        return JSONResponse({"Id": stored.id, "Key": f"{stored.bucket}/{stored.key}"})


async def public(request: Request) -> Response:
    """Return an object of a public bucket, without a key."""
    return send_object(request, _public_object(request))


async def public_info(request: Request) -> Response:
    """Return the metadata of an object of a public bucket, without a key."""
    return JSONResponse(_public_object(request).info())


async def info(request: Request) -> Response:
    """Return the metadata of an object."""
    return JSONResponse(_object(request).info())


async def remove(request: Request) -> Response:
    """Remove objects, and list those that existed."""
    bucket, keys = request.path_params["bucket"], texts_of(await storage_json(request), "prefixes")
    removed = storage_of(request).remove(bucket, keys if is_backend(request) else [])
    return JSONResponse([each.row() for each in removed])


async def move(request: Request) -> Response:
    """Rename an object, or move it to another bucket."""
    await _transfer(request, keep=False)
    return JSONResponse({"message": "Successfully moved"})


async def copy(request: Request) -> Response:
    """Copy an object; with `x-upsert: true`, the copy may replace another."""
    stored = await _transfer(request, keep=True)
    names = {"Id": stored.id, "Key": f"{stored.bucket}/{stored.key}"}
    return JSONResponse({**names, **stored.row()})


async def _transfer(request: Request, *, keep: bool) -> Object:
    body, storage = await storage_json(request), storage_of(request)
    bucket = text_of(body, "bucketId")
    source, target = text_of(body, "sourceKey"), text_of(body, "destinationKey")
    if not is_backend(request):
        raise object_missing()
    replacing = keep and request.headers.get("x-upsert") == "true"
    destination = str(body.get("destinationBucket") or bucket)
    found = storage.get(bucket, source)
    return storage.move(found, destination, target, keep=keep, replacing=replacing)


def _object(request: Request) -> Object:
    backend = is_backend(request)
    stored = storage_of(request).get(request.path_params["bucket"], request.path_params["key"])
    if not backend:
        raise object_missing()
    return stored


def _public_object(request: Request) -> Object:
    bucket, key = request.path_params["bucket"], request.path_params["key"]
    if not storage_of(request).bucket(bucket).public:
        raise bucket_missing()
    return storage_of(request).get(bucket, key)


routes = [
    Route("/object/move", move, methods=["POST"]),
    Route("/object/copy", copy, methods=["POST"]),
    Route("/object/info/public/{bucket}/{key:path}", public_info),
    Route("/object/info/authenticated/{bucket}/{key:path}", info),
    Route("/object/info/{bucket}/{key:path}", info),
    Route("/object/public/{bucket}/{key:path}", public),
    Route("/object/authenticated/{bucket}/{key:path}", OneObject),
    Route("/object/{bucket}", remove, methods=["DELETE"]),
    Route("/object/{bucket}/{key:path}", OneObject),
]
