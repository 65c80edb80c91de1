"""Errors in the format of Supabase Storage: `{statusCode, error, code, message}`."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class StorageError(Exception):
    """A response other than 200.

    Args:
        status: `statusCode` in the body.
        code: identifier of the error.
        message: sentence for people.
        error: earlier name of the error; by default, `code`.
        http: status of the response, which is 400 for most errors.
    """

    def __init__(
        self, status: int, code: str, message: str, *, error: str | None = None, http: int = 400
    ) -> None:
        super().__init__(message)
        self.http = http
        self.body = {
            "statusCode": str(status),
            "error": error or code,
            "code": code,
            "message": message,
        }


def storage_error(_: Request, error: Exception) -> JSONResponse:
    """Turn a StorageError into a response."""
    assert isinstance(error, StorageError)
    return JSONResponse(error.body, error.http)


def unknown_route(request: Request, error: HTTPException) -> JSONResponse:
    """Return the response for an unknown path or method."""
    message = f"Route {request.method}:{request.url.path} not found"
    return JSONResponse(
        {"message": message, "error": "Not Found", "statusCode": 404}, 404, headers=error.headers
    )


def bucket_missing() -> StorageError:
    """There is no such bucket, or the caller may not see it."""
    return StorageError(404, "NoSuchBucket", "Bucket not found", error="Bucket not found")


def object_missing() -> StorageError:
    """There is no such object, or the caller may not see it."""
    return StorageError(404, "NoSuchKey", "Object not found", error="not_found")


def duplicate() -> StorageError:
    """The name is in use."""
    return StorageError(409, "KeyAlreadyExists", "The resource already exists", error="Duplicate")


def too_large() -> StorageError:
    """The object or the limit is too large."""
    message = "The object exceeded the maximum allowed size"
    return StorageError(413, "EntityTooLarge", message, error="Payload too large")


def wrong_type(kind: str) -> StorageError:
    """The media type is malformed or not allowed."""
    message = f"mime type {kind} is not supported"
    return StorageError(415, "InvalidMimeType", message, error="invalid_mime_type")


def invalid(message: str) -> StorageError:
    """The request does not have the right form."""
    return StorageError(400, "InvalidRequest", message, error="Error")


def denied(message: str = "new row violates row-level security policy") -> StorageError:
    """No policy allows this, or the token is not valid."""
    return StorageError(403, "AccessDenied", message, error="Unauthorized")
