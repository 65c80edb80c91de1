"""Passkeys of the signed-in user, and of any user for an administrator."""

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import json_object, services, signed_in, text
from devstack.supabase.errors import AuthError
from devstack.supabase.routes.admin import user_in_path
from devstack.supabase.signing_in import sign_in

Endpoint = Callable[[Request], Awaitable[Response]]


def if_offered(endpoint: Endpoint) -> Endpoint:
    """Answer 404 while passkeys are disabled."""

    @wraps(endpoint)
    async def offered(request: Request) -> Response:
        if not services(request).passkeys:
            raise AuthError(404, "passkey_disabled", "Passkeys are disabled")
        return await endpoint(request)

    return offered


@if_offered
async def begin_registration(request: Request) -> Response:
    """Return a challenge for a new passkey, and the options for the browser."""
    return JSONResponse(services(request).auth.begin_registration(*signed_in(request)))


@if_offered
async def finish_registration(request: Request) -> Response:
    """Add the passkey that the browser has created."""
    user, session = signed_in(request)
    body = await json_object(request)
    challenge_id, credential = text(body, "challenge_id"), body.get("credential")
    auth = services(request).auth
    return JSONResponse(auth.finish_registration(user, session, challenge_id, credential).public())


@if_offered
async def begin_authentication(request: Request) -> Response:
    """Return a challenge for a sign-in, and the options for the browser."""
    return JSONResponse(services(request).auth.begin_authentication())


@if_offered
async def finish_authentication(request: Request) -> Response:
    """Start a session of the user whose passkey has signed the challenge."""
    body = await json_object(request)
    challenge_id, credential = text(body, "challenge_id"), body.get("credential")
    user = services(request).auth.finish_authentication(challenge_id, credential)
    return JSONResponse(await sign_in(request, user, "passkey"))


@if_offered
async def list_passkeys(request: Request) -> Response:
    """List the passkeys of the user."""
    user, _ = signed_in(request)
    return JSONResponse([each.public() for each in user.passkeys])


@if_offered
async def rename(request: Request) -> Response:
    """Give a passkey another name."""
    user, _ = signed_in(request)
    name = text(await json_object(request), "friendly_name")
    auth = services(request).auth
    return JSONResponse(auth.rename_passkey(user, request.path_params["passkey_id"], name).public())


@if_offered
async def remove(request: Request) -> Response:
    """Remove a passkey."""
    user, session = signed_in(request)
    services(request).auth.remove_passkey(user, request.path_params["passkey_id"], session)
    return Response(status_code=204)


async def list_of_user(request: Request) -> Response:
    """List the passkeys of a user, for an administrator."""
    return JSONResponse([each.public() for each in user_in_path(request).passkeys])


async def remove_of_user(request: Request) -> Response:
    """Remove a passkey of a user, for an administrator."""
    user = user_in_path(request)
    services(request).auth.remove_passkey(user, request.path_params["passkey_id"])
    return Response(status_code=204)


routes = [
    Route("/passkeys", list_passkeys),
    Route("/passkeys/registration/options", begin_registration, methods=["POST"]),
    Route("/passkeys/registration/verify", finish_registration, methods=["POST"]),
    Route("/passkeys/authentication/options", begin_authentication, methods=["POST"]),
    Route("/passkeys/authentication/verify", finish_authentication, methods=["POST"]),
    Route("/passkeys/{passkey_id}", rename, methods=["PATCH"]),
    Route("/passkeys/{passkey_id}", remove, methods=["DELETE"]),
    Route("/admin/users/{user_id}/passkeys", list_of_user),
    Route("/admin/users/{user_id}/passkeys/{passkey_id}", remove_of_user, methods=["DELETE"]),
]
