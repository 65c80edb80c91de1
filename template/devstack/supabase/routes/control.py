"""Rotation of signing keys and simulated failures, for tests and to practise a procedure.

The rotation has the same names as in the management API of the platform, which has no simulated
failures. Every route requires the secret key.
"""

import json

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase import rotation
from devstack.supabase.access import json_object, require_secret_key, services, text
from devstack.supabase.errors import AuthError
from devstack.supabase.keys import SigningKey


class SigningKeys(HTTPEndpoint):
    """All keys."""

    async def get(self, request: Request) -> Response:
        """List the keys, including revoked keys."""
        require_secret_key(request)
        return JSONResponse({"keys": [_to_json(key) for key in services(request).auth.store.keys]})

    async def post(self, request: Request) -> Response:
        """Create a standby key."""
        require_secret_key(request)
        body = await json_object(request)
        key = rotation.add_standby(services(request).auth.store, text(body, "algorithm") or "ES256")
        return JSONResponse(_to_json(key), 201)


async def set_status(request: Request) -> Response:
    """Change the state of a key."""
    require_secret_key(request)
    status = text(await json_object(request), "status")
    key = rotation.set_status(services(request).auth.store, request.path_params["kid"], status)
    return JSONResponse(_to_json(key))


async def calls(request: Request) -> Response:
    """Return the number of requests for each path."""
    require_secret_key(request)
    return JSONResponse(dict(services(request).traffic.calls))


class Failures(HTTPEndpoint):
    """Responses in place of the real ones."""

    async def post(self, request: Request) -> Response:
        """Answer requests to `path` with `status`, the next `times` or until they are removed.

        A 429 has the body of Auth's limit of requests, which the local Supabase does not count.
        """
        require_secret_key(request)
        body = await json_object(request)
        path, status, times = text(body, "path"), body.get("status", 503), body.get("times")
        valid = isinstance(status, int) and 200 <= status < 600
        if not path.startswith("/") or not valid or not isinstance(times, int | None):
            raise AuthError(400, "validation_failed", "Send path, and status and times as numbers")
        limited = {"code": 429, "error_code": "over_request_rate_limit"}
        shown = {**limited, "msg": "Request rate limit reached"} if status == 429 else {}
        services(request).traffic.fail(path, status, body=json.dumps(shown).encode(), times=times)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """Remove all failures."""
        require_secret_key(request)
        services(request).traffic.heal()
        return Response(status_code=204)


def _to_json(key: SigningKey) -> dict[str, str]:
    return {"id": key.kid, "algorithm": key.algorithm, "status": key.status}


routes = [
    Route("/local/signing-keys", SigningKeys),
    Route("/local/signing-keys/{kid}", set_status, methods=["PATCH"]),
    Route("/local/calls", calls),
    Route("/local/failures", Failures),
]
