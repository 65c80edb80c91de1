"""Sign up, sign in, refresh, sign out."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import json_object, services, signed_in, text
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.signing_in import add_user, send_mail, session_tokens, sign_in
from devstack.supabase.store import User


async def sign_up(request: Request) -> Response:
    """Create a user and sign it in; without address and password, it is anonymous.

    If addresses are confirmed, a mail is sent instead. The answer does not tell whether the address
    belongs to a user already.
    """
    body = await json_object(request)
    auth, autoconfirm = services(request).auth, services(request).autoconfirm
    email, password, data = text(body, "email"), text(body, "password"), body.get("data")
    if not email and not password:
        user = auth.new_anonymous(data)
        await add_user(request, user)
        return JSONResponse(await sign_in(request, user, "anonymous"))
    if not password:
        raise invalid("Signup requires a valid password")
    try:
        # In a thread, because hashing is slow on purpose.
        user = await asyncio.to_thread(
            auth.new_user, email, password, confirmed=autoconfirm, user_metadata=data
        )
    except AuthError as error:
        if error.code != "email_exists":
            raise
        if autoconfirm:
            raise AuthError(422, "user_already_exists", "User already registered") from None
        return await _known_address(request, email, body)
    await add_user(request, user)
    if autoconfirm:
        return JSONResponse(await sign_in(request, user, "password"))
    await send_mail(request, user, "signup", body)
    return JSONResponse(user.public())


async def _known_address(request: Request, email: str, body: dict[str, Any]) -> Response:
    known = services(request).auth.store.by_email(email.strip().lower())
    if known and known.email_confirmed_at is None:
        await send_mail(request, known, "signup", body)
        return JSONResponse(known.public())
    # A user who does not exist.
    fake = User(id=services(request).auth.new_anonymous().id, email=email.strip().lower())
    return JSONResponse({**fake.public(), "identities": []})


async def token(request: Request) -> Response:
    """Sign in with a password or the code of a link, or continue with a refresh token."""
    body = await json_object(request)
    auth = services(request).auth
    match request.query_params.get("grant_type"):
        case "password":
            email, password = text(body, "email"), text(body, "password")
            user = await asyncio.to_thread(auth.check_password, email, password)
            return JSONResponse(await sign_in(request, user, "password"))
        case "refresh_token":
            refresh_token = text(body, "refresh_token")
            if not refresh_token:
                raise invalid("refresh_token required")
            return JSONResponse(await session_tokens(request, *auth.refresh(refresh_token)))
        case "pkce":
            code, verifier = text(body, "auth_code"), text(body, "code_verifier")
            exchange = services(request).mailbox.redeem(code, verifier)
            user = auth.store.users[exchange.user_id]
            return JSONResponse(await sign_in(request, user, exchange.method))
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
            raise invalid(f"Unsupported logout scope {other}")
    return Response(status_code=204)


routes = [
    Route("/signup", sign_up, methods=["POST"]),
    Route("/token", token, methods=["POST"]),
    Route("/logout", sign_out, methods=["POST"]),
]
