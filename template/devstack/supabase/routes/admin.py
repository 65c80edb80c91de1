"""Administration of users, with the secret key."""

import asyncio
import uuid

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.supabase.access import json_object, require_secret_key, services
from devstack.supabase.errors import AuthError, invalid
from devstack.supabase.store import User

FIELDS = ("app_metadata", "user_metadata", "ban_duration", "role")


class Users(HTTPEndpoint):
    """All users."""

    async def get(self, request: Request) -> Response:
        """List one page, newest first, with the total and links to other pages in the headers.

        `filter` selects addresses that contain it.
        """
        require_secret_key(request)
        page = positive(request, "page", 1)
        per_page = positive(request, "per_page", 50)
        part = request.query_params.get("filter", "").lower()
        every = services(request).auth.store.users.values()
        users = [user for user in every if part in user.email][::-1]
        shown = [user.public() for user in users[(page - 1) * per_page : page * per_page]]
        last = max(1, -(-len(users) // per_page))
        links = [(page + 1, "next")] if page < last else []
        path = request.url.path
        headers = {
            "x-total-count": str(len(users)),
            "link": ", ".join(
                f'<{path}?page={number}&per_page={per_page}>; rel="{name}"'
                for number, name in [*links, (last, "last")]
            ),
        }
        return JSONResponse({"users": shown, "aud": "authenticated"}, headers=headers)

    async def post(self, request: Request) -> Response:
        """Create a user."""
        require_secret_key(request)
        body = await json_object(request)
        user = await asyncio.to_thread(
            services(request).auth.create_user,
            body.get("email", ""),
            body.get("password"),
            confirmed=bool(body.get("email_confirm")),
            user_id=body.get("id"),
            **{name: body.get(name) for name in FIELDS},
        )
        return JSONResponse(user.public())


class OneUser(HTTPEndpoint):
    """One user, by id."""

    async def get(self, request: Request) -> Response:
        """Return the user."""
        return JSONResponse(user_in_path(request).public())

    async def put(self, request: Request) -> Response:
        """Change the user; another password ends all sessions."""
        user, auth, body = user_in_path(request), services(request).auth, await json_object(request)
        await asyncio.to_thread(auth.update_user, user, body)
        if body.get("password"):
            auth.end_sessions(user)
        return JSONResponse(user.public())

    async def delete(self, request: Request) -> Response:
        """Delete the user with all sessions."""
        services(request).auth.delete_user(user_in_path(request))
        return JSONResponse({})


def user_in_path(request: Request) -> User:
    """Return the user in the path, to an administrator.

    Raises:
        AuthError: there is no such user, or the request has no secret key.
    """
    require_secret_key(request)
    try:
        user_id = str(uuid.UUID(request.path_params["user_id"]))
    except ValueError:
        raise AuthError(404, "validation_failed", "user_id must be an UUID") from None
    user = services(request).auth.store.users.get(user_id)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user


def positive(request: Request, name: str, default: int) -> int:
    """Return a positive integer of the query."""
    given = request.query_params.get(name) or str(default)
    if not given.isascii() or not given.isdigit() or not 0 < int(given[:12]) < 10**9:
        raise invalid(f"Bad pagination parameter {name}: {given}")
    return int(given)


routes = [Route("/admin/users", Users), Route("/admin/users/{user_id}", OneUser)]
