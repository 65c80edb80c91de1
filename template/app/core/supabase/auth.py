"""The few calls to Supabase Auth that this backend makes; tokens are verified without any."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from app.core.errors import AppError, ConflictError, UnavailableError
from app.core.supabase.clients import Supabase

TIMEOUT = 10.0  # seconds
PAGE = 200  # users asked for at once


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A user as Auth has it."""

    id: UUID
    email: str | None  # in lower case; anonymous users have none
    banned_until: datetime | None


async def user_of_token(supabase: Supabase, token: str) -> dict[str, Any] | None:
    """Ask Auth for the user of an access token; None where it no longer believes the token.

    Unlike the verifier, Auth knows of users who were deleted or banned, and of sessions that were
    signed out.

    Raises:
        UnavailableError: Auth does not answer.
    """
    with _readable():
        answer = await supabase.http.get(
            _url(supabase, "user"), headers=supabase.user_headers(token), timeout=TIMEOUT
        )
        # With a code it is Auth that refuses the token; without, the gateway refuses our key.
        if answer.status_code in (401, 403, 404) and answer.json().get("error_code"):
            return None
        user: dict[str, Any] = answer.raise_for_status().json()
        return user


async def create_user(supabase: Supabase, email: str, password: str) -> UUID:
    """Create a user with a confirmed address and return its id.

    Raises:
        ConflictError: Auth has that address already.
        AppError: Auth refuses the address or the password; its reason is the detail.
        UnavailableError: Auth does not answer.
    """
    body = {"email": email, "password": password, "email_confirm": True}
    with _readable():
        answer = await supabase.http.post(
            _url(supabase, "admin/users"), json=body, headers=supabase.secret_headers
        )
        if answer.is_success:
            return UUID(answer.json()["id"])
        document = answer.json()
        if document.get("error_code") in ("email_exists", "user_already_exists"):
            raise ConflictError(f"Supabase Auth has a user {email} already.")
        raise AppError(f"Supabase Auth refuses: {document.get('msg', answer.reason_phrase)}")


async def find_user(supabase: Supabase, email: str) -> AuthUser | None:
    """Return the user with that address, reading Auth's list page by page.

    Raises:
        UnavailableError: Auth does not answer.
    """
    async for user in list_users(supabase):
        if user.email == email.lower():
            return user
    return None


async def list_users(supabase: Supabase) -> AsyncIterator[AuthUser]:
    """Read every user, page by page.

    Whoever is made or deleted meanwhile shifts the pages: one who does not show up may still be
    there, which `get_user` tells.

    Raises:
        UnavailableError: Auth does not answer.
    """
    page = 1
    while True:
        with _readable():
            answer = await supabase.http.get(
                _url(supabase, "admin/users"),
                params={"page": page, "per_page": PAGE},
                headers=supabase.secret_headers,
                timeout=TIMEOUT,
            )
            users = [_user(each) for each in answer.raise_for_status().json()["users"]]
        for user in users:
            yield user
        if len(users) < PAGE:
            return
        page += 1


async def get_user(supabase: Supabase, user_id: UUID) -> AuthUser | None:
    """Return a user, or None where Auth says that there is none.

    Raises:
        UnavailableError: Auth does not answer, or not what it should.
    """
    with _readable():
        answer = await supabase.http.get(
            _url(supabase, f"admin/users/{user_id}"),
            headers=supabase.secret_headers,
            timeout=TIMEOUT,
        )
        # A 404 of something in between is no word of Auth's.
        if answer.status_code == httpx.codes.NOT_FOUND:
            if answer.json().get("error_code") == "user_not_found":
                return None
            raise ValueError("404 without a reason")
        return _user(answer.raise_for_status().json())


def _user(document: dict[str, Any]) -> AuthUser:
    banned = document.get("banned_until")
    return AuthUser(
        id=UUID(document["id"]),
        email=str(document["email"]).lower() if document.get("email") else None,
        banned_until=datetime.fromisoformat(banned) if banned else None,
    )


def _url(supabase: Supabase, path: str) -> str:
    return f"{supabase.url}/auth/v1/{path}"


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            "Supabase Auth does not answer as it should; try again shortly.",
            code="auth_unavailable",
        ) from error
