"""The few calls to Supabase Auth that this backend makes; tokens are verified without any."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx

from app.core.errors import AppError, ConflictError, UnavailableError
from app.core.settings import CoreSettings

TIMEOUT = 10.0  # seconds
PAGE = 200  # users asked for at once


async def email_confirmed(client: httpx.AsyncClient, settings: CoreSettings, token: str) -> bool:
    """Ask Auth whether the user of `token` has confirmed the e-mail address.

    The token itself cannot say: its `user_metadata` is the user's to write.

    Raises:
        UnavailableError: Auth does not answer.
    """
    headers = {"apikey": settings.supabase_publishable_key, "Authorization": f"Bearer {token}"}
    with _readable():
        answer = await client.get(_url(settings, "user"), headers=headers, timeout=TIMEOUT)
        return answer.is_success and bool(answer.json().get("email_confirmed_at"))


def create_auth_user(settings: CoreSettings, email: str, password: str) -> UUID:
    """Create a user with a confirmed address and return its id.

    Raises:
        ConflictError: Auth has that address already.
        AppError: Auth refuses the address or the password; its reason is the detail.
        UnavailableError: Auth does not answer.
    """
    body = {"email": email, "password": password, "email_confirm": True}
    with _readable(), _admin(settings) as client:
        answer = client.post("admin/users", json=body)
        if answer.is_success:
            return UUID(answer.json()["id"])
        document = answer.json()
        if document.get("error_code") in ("email_exists", "user_already_exists"):
            raise ConflictError(f"Supabase Auth has a user {email} already.")
        raise AppError(f"Supabase Auth refuses: {document.get('msg', answer.reason_phrase)}")


def find_auth_user(settings: CoreSettings, email: str) -> UUID | None:
    """Return the id of the user with that address, reading Auth's list page by page.

    Raises:
        UnavailableError: Auth does not answer.
    """
    with _readable(), _admin(settings) as client:
        for user in _users(client):
            if (user.get("email") or "").lower() == email.lower():
                return UUID(user["id"])
    return None


def _users(client: httpx.Client) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        answer = client.get("admin/users", params={"page": page, "per_page": PAGE})
        users = answer.raise_for_status().json()["users"]
        yield from users
        if len(users) < PAGE:
            return
        page += 1


def _admin(settings: CoreSettings) -> httpx.Client:
    secret = settings.supabase_secret_key.get_secret_value()
    return httpx.Client(
        base_url=_url(settings, ""),
        headers={"apikey": secret, "Authorization": f"Bearer {secret}"},
        timeout=TIMEOUT,
    )


def _url(settings: CoreSettings, path: str) -> str:
    return f"{settings.supabase_url.rstrip('/')}/auth/v1/{path}"


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise UnavailableError(
            "Supabase Auth does not answer as it should; try again shortly.",
            code="auth_unavailable",
        ) from error
