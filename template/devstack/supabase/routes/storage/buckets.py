"""Buckets."""

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
)
from devstack.supabase.storage.buckets import Bucket, check_name
from devstack.supabase.storage.errors import bucket_missing, denied, invalid


class Buckets(HTTPEndpoint):
    """All buckets."""

    async def get(self, request: Request) -> Response:
        """List the buckets; users see none."""
        query = dict(request.query_params)
        column, search = query.get("sortColumn", "id"), query.get("search", "").lower()
        if column not in ("id", "name", "created_at", "updated_at"):
            raise invalid("querystring/sortColumn must be equal to one of the allowed values")
        found = storage_of(request).buckets.values() if is_backend(request) else ()
        shown = [each.to_json() for each in found if search in each.id.lower()]
        shown.sort(key=lambda each: str(each[column]), reverse=query.get("sortOrder") == "desc")
        offset = integer_of(query, "offset", 0, minimum=0)
        limit = integer_of(query, "limit", max(1, len(shown)))
        return JSONResponse(shown[offset : offset + limit])

    async def post(self, request: Request) -> Response:
        """Create a bucket."""
        require_backend(request)
        body, storage = await storage_json(request), storage_of(request)
        bucket = Bucket(check_name(body.get("id") or body.get("name")))
        bucket.update(body, storage.project_limit)
        storage.add_bucket(bucket)
        return JSONResponse({"name": bucket.id})


class OneBucket(HTTPEndpoint):
    """One bucket."""

    async def get(self, request: Request) -> Response:
        """Return the bucket."""
        return JSONResponse(self.bucket(request).to_json())

    async def put(self, request: Request) -> Response:
        """Change the limits."""
        bucket, body = self.bucket(request), await storage_json(request)
        if not body:
            raise invalid("body must NOT have fewer than 1 properties")
        with storage_of(request).change():
            bucket.update(body, storage_of(request).project_limit)
        return JSONResponse({"message": "Successfully updated"})

    async def delete(self, request: Request) -> Response:
        """Remove the bucket."""
        storage_of(request).remove_bucket(self.bucket(request).id)
        return JSONResponse({"message": "Successfully deleted"})

    def bucket(self, request: Request) -> Bucket:
        """Return the bucket in the path; users see none."""
        if not is_backend(request):
            raise bucket_missing()
        return storage_of(request).bucket(request.path_params["bucket"])


async def empty(request: Request) -> Response:
    """Remove every object of a bucket, at once; the real Storage does it later."""
    if not is_backend(request):
        refused = denied()
        refused.http = 403
        raise refused
    storage, name = storage_of(request), request.path_params["bucket"]
    storage.bucket(name)
    storage.remove(name, [key for bucket, key in storage.objects if bucket == name])
    message = "Empty bucket has been queued. Completion may take up to an hour."
    return JSONResponse({"message": message})


routes = [
    Route("/bucket", Buckets),
    Route("/bucket/{bucket}", OneBucket),
    Route("/bucket/{bucket}/empty", empty, methods=["POST"]),
]
