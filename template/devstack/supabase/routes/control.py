"""Rotation of signing keys and failures on purpose: for tests, and to try a procedure out.

The platform has the first under the same names in its management API; the second is ours alone.
Everything here wants the secret key.
"""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase import rotation
from devstack.supabase.access import auth_of, json_object, require_secret_key, text
from devstack.supabase.errors import AuthError
from devstack.supabase.keys import SigningKey
from devstack.supabase.traffic import Traffic


class SigningKeys(HTTPEndpoint):
    """All keys."""

    async def get(self, request: Request) -> Response:
        """List them, revoked ones too."""
        require_secret_key(request)
        return JSONResponse({"keys": [_shown(key) for key in auth_of(request).store.keys]})

    async def post(self, request: Request) -> Response:
        """Make a standby key."""
        require_secret_key(request)
        body = await json_object(request)
        key = rotation.add_standby(auth_of(request).store, text(body, "algorithm") or "ES256")
        return JSONResponse(_shown(key), 201)


async def set_status(request: Request) -> Response:
    """Move a key to another state."""
    require_secret_key(request)
    status = text(await json_object(request), "status")
    key = rotation.set_status(auth_of(request).store, request.path_params["kid"], status)
    return JSONResponse(_shown(key))


async def calls(request: Request) -> Response:
    """How often each path was asked for."""
    require_secret_key(request)
    return JSONResponse(dict(_traffic(request).calls))


class Failures(HTTPEndpoint):
    """Answers in place of the real ones."""

    async def post(self, request: Request) -> Response:
        """Answer `status` to calls of `path`, the next `times` or until they are healed."""
        require_secret_key(request)
        body = await json_object(request)
        path, status, times = text(body, "path"), body.get("status", 503), body.get("times")
        good = isinstance(status, int) and 200 <= status < 600
        if not path.startswith("/") or not good or not isinstance(times, int | None):
            raise AuthError(400, "validation_failed", "Send path, and status and times as numbers")
        _traffic(request).fail(path, status, times=times)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """Heal everything."""
        require_secret_key(request)
        _traffic(request).heal()
        return Response(status_code=204)


def _traffic(request: Request) -> Traffic:
    traffic: Traffic = request.app.state.traffic
    return traffic


def _shown(key: SigningKey) -> dict[str, str]:
    return {"id": key.kid, "algorithm": key.algorithm, "status": key.status}


routes = [
    Route("/local/signing-keys", SigningKeys),
    Route("/local/signing-keys/{kid}", set_status, methods=["PATCH"]),
    Route("/local/calls", calls),
    Route("/local/failures", Failures),
]
