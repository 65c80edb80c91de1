"""The signed-in user."""

import asyncio

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import json_object, services, signed_in, text
from devstack.supabase.errors import AuthError
from devstack.supabase.passwords import password_matches


class CurrentUser(HTTPEndpoint):
    """The user of the access token."""

    async def get(self, request: Request) -> Response:
        """Return the user."""
        user, _ = signed_in(request)
        return JSONResponse(user.public())

    async def put(self, request: Request) -> Response:
        """Change address, password or metadata."""
        user, session = signed_in(request)
        body = await json_object(request)
        auth = services(request).auth
        password = text(body, "password")
        if password:
            same = await asyncio.to_thread(password_matches, password, user.password_hash)
            if same:
                message = "New password should be different from the old password."
                raise AuthError(422, "same_password", message)
        # Users may not change other fields: app_metadata, ban and confirmation.
        fields = {
            "email": text(body, "email"),
            "password": password,
            "user_metadata": body.get("data"),
        }
        await asyncio.to_thread(auth.update_user, user, fields)
        if password:
            auth.end_sessions(user, keep=session.id)
        return JSONResponse(user.public())


routes = [Route("/user", CurrentUser)]
