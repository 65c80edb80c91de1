"""Second factors of the signed-in user, and of any user for an administrator."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase import codes
from devstack.supabase.access import json_object, services, signed_in, text
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.factors import CHALLENGE_SECONDS
from devstack.supabase.routes.admin import user_in_path
from devstack.supabase.signing_in import session_tokens
from devstack.supabase.store import seconds_of


async def enroll(request: Request) -> Response:
    """Add an authenticator app; the answer has its secret, also as a QR code."""
    user, session = signed_in(request)
    body = await json_object(request)
    match text(body, "factor_type"):
        case "totp":
            factor = services(request).auth.enroll(user, session, text(body, "friendly_name"))
        case "phone" | "webauthn" as kind:
            code = f"mfa_{'web_authn' if kind == 'webauthn' else kind}_enroll_not_enabled"
            raise AuthError(422, code, f"MFA enroll is disabled for {kind}")
        case _:
            raise invalid("factor_type needs to be totp, phone, or webauthn")
    issuer = text(body, "issuer") or urlsplit(str(request.base_url)).netloc
    uri = codes.uri(factor.secret, issuer, user.email)
    totp = {"qr_code": codes.qr_code(uri), "secret": factor.secret, "uri": uri}
    shown = {"id": factor.id, "type": "totp", "friendly_name": factor.friendly_name, "totp": totp}
    return JSONResponse(shown)


async def unenroll(request: Request) -> Response:
    """Remove a factor."""
    user, session = signed_in(request)
    factor = services(request).auth.unenroll(user, session, request.path_params["factor_id"])
    return JSONResponse({"id": factor.id})


async def challenge(request: Request) -> Response:
    """Allow one code to be entered."""
    user, _ = signed_in(request)
    created = services(request).auth.challenge(user, request.path_params["factor_id"])
    expires_at = seconds_of(created.created_at) + CHALLENGE_SECONDS
    return JSONResponse({"id": created.id, "type": "totp", "expires_at": expires_at})


async def verify(request: Request) -> Response:
    """Continue the session with the second factor."""
    user, session = signed_in(request)
    body = await json_object(request)
    challenge_id, code = text(body, "challenge_id"), text(body, "code")
    if not code:
        raise invalid("Code needs to be non-empty")
    auth = services(request).auth
    auth.verify_code(user, session, request.path_params["factor_id"], challenge_id, code)
    return JSONResponse(await session_tokens(request, user, session))


async def list_factors(request: Request) -> Response:
    """List the factors of a user, for an administrator."""
    return JSONResponse([factor.public() for factor in user_in_path(request).factors])


async def remove_factor(request: Request) -> Response:
    """Remove a factor of a user, for an administrator: the user has lost the device."""
    user = user_in_path(request)
    factor = services(request).auth.remove_factor(user, request.path_params["factor_id"])
    return JSONResponse(factor.public())


routes = [
    Route("/factors", enroll, methods=["POST"]),
    Route("/factors/{factor_id}", unenroll, methods=["DELETE"]),
    Route("/factors/{factor_id}/challenge", challenge, methods=["POST"]),
    Route("/factors/{factor_id}/verify", verify, methods=["POST"]),
    Route("/admin/users/{user_id}/factors", list_factors),
    Route("/admin/users/{user_id}/factors/{factor_id}", remove_factor, methods=["DELETE"]),
]
