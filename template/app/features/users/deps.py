"""Who is calling: the dependencies that routes of every feature name in their signatures."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from app.core.auth import Claims, Credentials, OptionalClaims
from app.core.database import database_of
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.settings import get_settings, load_settings
from app.core.supabase import email_confirmed
from app.features.users import service
from app.features.users.models import Role, Status
from app.features.users.schemas import UserRead
from app.features.users.settings import Approval, UserSettings


async def known_user(
    request: Request, claims: OptionalClaims, credentials: Credentials
) -> UserRead | None:
    """The caller's row whatever its status, made at the first request; None without a token."""
    if claims is None or credentials is None:
        return None
    if known := service.remembered(claims.user_id, claims.email):
        return known
    # A session of its own: the usual request finds the user above and needs none.
    async with database_of(request).session() as session:
        approval = load_settings(UserSettings).approval
        initial = Status.APPROVED if approval is Approval.AUTO else Status.PENDING
        user, _ = await service.enter(session, claims.user_id, claims.email, initial)
        if user.status is Status.PENDING and approval is Approval.EMAIL:
            client = request.app.state.http
            if await email_confirmed(client, get_settings(), credentials.credentials):
                user = await service.set_status(session, user.id, Status.APPROVED)
        return service.remember(user)


KnownUser = Annotated[UserRead | None, Depends(known_user)]


async def optional_user(user: KnownUser) -> UserRead | None:
    """The caller, or None without a token; one who is not let in is refused."""
    return service.let_in(user) if user else None


async def current_user(user: KnownUser) -> UserRead:
    """The caller, signed in and let in."""
    if user is None:
        raise UnauthenticatedError("Sign in first: send a Supabase access token.")
    return service.let_in(user)


OptionalUser = Annotated[UserRead | None, Depends(optional_user)]
CurrentUser = Annotated[UserRead, Depends(current_user)]


def require(role: Role) -> Callable[[CurrentUser], Awaitable[UserRead]]:
    """Make a dependency that lets only `role` pass."""

    async def with_role(user: CurrentUser) -> UserRead:
        if user.role is not role:
            raise ForbiddenError(f"This needs the role {role}.", code="role_required")
        return user

    return with_role


AdminUser = Annotated[UserRead, Depends(require(Role.ADMIN))]


async def require_aal2(_: CurrentUser, claims: OptionalClaims) -> Claims:
    """Let only those pass who signed in with a second factor."""
    if claims is None or claims.assurance != "aal2":
        raise ForbiddenError("This needs a second factor: sign in with it.", code="aal2_required")
    return claims
