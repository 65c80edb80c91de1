"""The signed-in user."""

import asyncio

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import email_of, json_object, services, signed_in, text
from devstack.supabase.errors import AuthError
from devstack.supabase.passwords import password_matches
from devstack.supabase.signing_in import send_mail


class CurrentUser(HTTPEndpoint):
    """The user of the access token."""

    async def get(self, request: Request) -> Response:
        """Return the user."""
        user, _ = signed_in(request)
        return JSONResponse(user.public())

    async def put(self, request: Request) -> Response:
        """Change address, password or metadata; another address must be confirmed by mail."""
        user, session = signed_in(request)
        body = await json_object(request)
        auth = services(request).auth
        email, password = email_of(body), text(body, "password")
        if body.get("app_metadata") is not None:
            message = "Updating app_metadata requires admin privileges"
            raise AuthError(403, "not_admin", message)
        changes_access = bool(password) or bool(email and email != user.email)
        if changes_access and user.has_factor and not session.factor_id:
            message = "AAL2 session is required to update email or password when MFA is enabled."
            raise AuthError(401, "insufficient_aal", message)
        if user.is_anonymous and password and not email:
            message = (
                "Updating password of an anonymous user without an email or phone is not allowed"
            )
            raise AuthError(422, "validation_failed", message)
        if password:
            same = await asyncio.to_thread(password_matches, password, user.password_hash)
            if same:
                message = "New password should be different from the old password."
                raise AuthError(422, "same_password", message)
        at_once = user.is_anonymous and services(request).autoconfirm
        fields = {
            "email": email if at_once else "",
            "password": password,
            "user_metadata": body.get("data"),
        }
        needs_confirmation = bool(email) and email != user.email and not at_once
        if needs_confirmation:
            auth.check_new_email(user, email)
            services(request).mailbox.check_interval(email, "email_change")
        await asyncio.to_thread(auth.update_user, user, fields)
        if password:
            auth.end_sessions(user, keep=session.id)
        if needs_confirmation:
            auth.request_email(user, email)
            await send_mail(request, user, "email_change", body, *filter(None, (user.email, email)))
        return JSONResponse(user.public())


async def unlink_identity(request: Request) -> Response:
    """Refuse to remove an identity: each user has one, for the address."""
    signed_in(request)
    message = "User must have at least 1 identity after unlinking"
    raise AuthError(422, "single_identity_not_deletable", message)


routes = [
    Route("/user", CurrentUser),
    Route("/user/identities/{identity_id}", unlink_identity, methods=["DELETE"]),
]
