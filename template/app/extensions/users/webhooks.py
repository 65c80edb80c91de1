"""Hooks of Supabase Auth, set up in the dashboard under Authentication, Hooks.

Auth waits at most five seconds for a response, and reads a refusal only from a 200. A hook must not
ask Auth to change the user who is signing in: Auth locks that row until it has the response.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from app.core.database import DatabaseReader, DatabaseSession
from app.core.errors import NotFoundError
from app.core.settings import load_settings
from app.extensions.users import service
from app.extensions.users.deps import HookBody
from app.extensions.users.settings import UserSettings

router = APIRouter()


class HookUser(BaseModel):
    """The fields of Auth's user that the hooks use."""

    id: UUID
    email: str | None = None


class UserHook(BaseModel):
    """Payload of the hooks before and after the creation of a user."""

    user: HookUser


class TokenHook(BaseModel):
    """Payload of the hook that changes the claims of a token."""

    user_id: UUID
    claims: dict[str, Any]


@router.post("/before-user-created")
async def before_user_created(body: HookBody) -> dict[str, Any]:
    """Refuse sign-ups with an address outside USER_EMAIL_DOMAINS."""
    domains = load_settings(UserSettings).email_domains
    email = UserHook.model_validate(body).user.email or ""
    if not domains or email.rpartition("@")[2].lower() in domains:
        return {}
    message = f"Sign up with an address of {', '.join(domains)}."
    return {"error": {"http_code": 403, "message": message}}


@router.post("/after-user-created")
async def after_user_created(body: HookBody, session: DatabaseSession) -> dict[str, Any]:
    """Create the row before the first request does."""
    user = UserHook.model_validate(body).user
    await service.get_or_create(session, user.id, user.email.lower() if user.email else None)
    return {}


@router.post("/custom-access-token")
async def custom_access_token(body: HookBody, reader: DatabaseReader) -> dict[str, Any]:
    """Add the role as `app_metadata.role`, for browser apps; it may be an hour old.

    This backend never reads it: the row decides.
    """
    hook = TokenHook.model_validate(body)
    claims = hook.claims
    try:
        role = (await service.get_row(reader, hook.user_id))["role"]
    except NotFoundError:
        return {"claims": claims}
    return {"claims": {**claims, "app_metadata": {**claims.get("app_metadata", {}), "role": role}}}
