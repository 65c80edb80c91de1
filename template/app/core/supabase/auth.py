"""The calls to Supabase Auth that this backend makes; tokens are verified without a call.

Each raises UnavailableError (`auth_unavailable`) if Auth does not answer as it should. They use
HTTP directly: with Supabase's own client they would not be shorter, and the API would have to
import it, which takes a third of a second.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from app.core.errors import AppError, ConflictError
from app.core.supabase.clients import Supabase, translate_failures

TIMEOUT = 10.0  # seconds
PAGE = 200  # users per request
FAILURE = ("Supabase Auth", "auth_unavailable")


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A user as Auth knows it."""

    id: UUID
    email: str | None  # in lower case; anonymous users have none
    banned_until: datetime | None


async def user_of_token(supabase: Supabase, token: str) -> dict[str, Any] | None:
    """Ask Auth for the user of an access token; None if Auth does not accept the token any more.

    Unlike the verifier, Auth knows about users who were deleted or banned and about sessions that
    have ended.
    """
    with translate_failures(*FAILURE):
        headers = supabase.user_headers(token)
        response = await _send(supabase, "GET", "user", headers=headers)
        # Without a code, the gateway has refused our key.
        if response.status_code in (401, 403, 404) and response.json().get("error_code"):
            return None
        user: dict[str, Any] = response.raise_for_status().json()
        return user


async def create_user(supabase: Supabase, email: str, password: str) -> UUID:
    """Create a user with a confirmed address and return its id.

    Raises:
        ConflictError: Auth has a user with this address.
        AppError: Auth refuses the address or the password; the detail has its reason.
    """
    body = {"email": email, "password": password, "email_confirm": True}
    with translate_failures(*FAILURE):
        response = await _send(supabase, "POST", "admin/users", json=body)
        document = response.json()
        if response.is_success:
            return UUID(document["id"])
        if document.get("error_code") in ("email_exists", "user_already_exists"):
            raise ConflictError(f"Supabase Auth already has a user {email}.")
        raise AppError(f"Supabase Auth refuses: {document.get('msg', response.reason_phrase)}")


async def find_user(supabase: Supabase, email: str) -> AuthUser | None:
    """Return the user with this address; this reads Auth's list page by page."""
    async for user in list_users(supabase):
        if user.email == email.lower():
            return user
    return None


async def list_users(supabase: Supabase) -> AsyncIterator[AuthUser]:
    """Read every user, page by page.

    A user who is created or deleted at the same time moves the pages, so a user may be missing:
    `get_user` tells whether the user exists.
    """
    page = 1
    while True:
        with translate_failures(*FAILURE):
            params = {"page": page, "per_page": PAGE}
            response = await _send(supabase, "GET", "admin/users", params=params)
            users = [_user(document) for document in response.raise_for_status().json()["users"]]
        for user in users:
            yield user
        if len(users) < PAGE:
            return
        page += 1


async def get_user(supabase: Supabase, user_id: UUID) -> AuthUser | None:
    """Return a user, or None if Auth has no such user."""
    with translate_failures(*FAILURE):
        response = await _send(supabase, "GET", f"admin/users/{user_id}")
        # Without this code, a proxy may have answered 404.
        if response.status_code == 404 and response.json()["error_code"] == "user_not_found":
            return None
        return _user(response.raise_for_status().json())


async def delete_user(supabase: Supabase, user_id: UUID) -> None:
    """Delete a user with all sessions; a user whom Auth does not have is no error."""
    with translate_failures(*FAILURE):
        response = await _send(supabase, "DELETE", f"admin/users/{user_id}")
        if response.status_code == 404 and response.json()["error_code"] == "user_not_found":
            return
        response.raise_for_status()


def _user(document: dict[str, Any]) -> AuthUser:
    banned = document.get("banned_until")
    return AuthUser(
        id=UUID(document["id"]),
        email=str(document["email"]).lower() if document.get("email") else None,
        banned_until=datetime.fromisoformat(banned) if banned else None,
    )


async def _send(supabase: Supabase, method: str, path: str, **request: Any) -> httpx.Response:
    request = {"headers": supabase.secret_headers, "timeout": TIMEOUT, **request}
    return await supabase.http.request(method, f"{supabase.url}/auth/v1/{path}", **request)
