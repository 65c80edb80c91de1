"""Sign up, sign in, refresh, sign out."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import json_object, services, signed_in, text
from devstack.supabase.errors import AuthError


async def sign_up(request: Request) -> Response:
    """Create a user and sign it in; without address and password, it is anonymous."""
    body = await json_object(request)
    auth = services(request).auth
    email, password = text(body, "email"), text(body, "password")
    if not email and not password:
        user = auth.create_anonymous(body.get("data"))
        return JSONResponse(auth.start_session(user, "anonymous"))
    if not password:
        raise AuthError(400, "validation_failed", "Signup requires a valid password")
    try:
        # In a thread, because hashing is slow on purpose.
        user = await asyncio.to_thread(
            auth.create_user, email, password, user_metadata=body.get("data")
        )
    except AuthError as error:
        if error.code != "email_exists":
            raise
        raise AuthError(422, "user_already_exists", "User already registered") from None
    return JSONResponse(auth.start_session(user))


async def token(request: Request) -> Response:
    """Sign in with a password or the code of a link, or continue with a refresh token."""
    body = await json_object(request)
    auth = services(request).auth
    match request.query_params.get("grant_type"):
        case "password":
            email, password = text(body, "email"), text(body, "password")
            return JSONResponse(await asyncio.to_thread(auth.sign_in, email, password))
        case "refresh_token":
            return JSONResponse(auth.refresh(text(body, "refresh_token")))
        case "pkce":
            code, verifier = text(body, "auth_code"), text(body, "code_verifier")
            user = auth.store.users[services(request).mailbox.redeem(code, verifier)]
            return JSONResponse(auth.start_session(user, "otp"))
        case _:
            raise AuthError(400, "invalid_credentials", "unsupported_grant_type")


async def sign_out(request: Request) -> Response:
    """End this session, the other sessions, or all sessions."""
    user, session = signed_in(request)
    match request.query_params.get("scope", "global"):
        case "local":
            services(request).auth.end_sessions(user, only=session.id)
        case "others":
            services(request).auth.end_sessions(user, keep=session.id)
        case "global":
            services(request).auth.end_sessions(user)
        case other:
            raise AuthError(400, "validation_failed", f"Unsupported logout scope {other}")
    return Response(status_code=204)


routes = [
    Route("/signup", sign_up, methods=["POST"]),
    Route("/token", token, methods=["POST"]),
    Route("/logout", sign_out, methods=["POST"]),
]
