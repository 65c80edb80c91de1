"""Who is calling: the dependencies that routes of every feature name in their signatures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import jwt
from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.dependencies import (
    AnonymousAllowed,
    Claims,
    Credentials,
    OAuthClientAllowed,
    OptionalClaims,
)
from app.core.database import act_as, database_of
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.settings import load_settings
from app.core.supabase.auth import user_of_token
from app.core.supabase.clients import supabase_of
from app.extensions.users import service
from app.extensions.users.models import Role, Status
from app.extensions.users.schemas import UserRead
from app.extensions.users.settings import Approval, UserSettings


async def optional_user(request: Request, claims: OptionalClaims) -> UserRead | None:
    """The caller, or None without a token; one who is not let in is refused."""
    return None if claims is None else await _user(request, claims)


async def current_user(request: Request, claims: OptionalClaims) -> UserRead:
    """The caller, signed in and let in."""
    # Called and not depended on: FastAPI takes longer to solve a dependency than this takes to run.
    user = await optional_user(request, claims)
    if user is None:
        raise UnauthenticatedError("Sign in first: send a Supabase access token.")
    return user


async def user_or_anonymous(request: Request, claims: AnonymousAllowed) -> UserRead:
    """The caller, who may be signed in anonymously; the row is the same once they register."""
    return await _user(request, claims)


async def user_or_delegated(request: Request, claims: OAuthClientAllowed) -> UserRead:
    """The caller, be it through an application that they let act for them."""
    return await _user(request, claims)


OptionalUser = Annotated[UserRead | None, Depends(optional_user)]
CurrentUser = Annotated[UserRead, Depends(current_user)]
UserOrAnonymous = Annotated[UserRead, Depends(user_or_anonymous)]
UserOrDelegated = Annotated[UserRead, Depends(user_or_delegated)]


async def live_user(request: Request, user: CurrentUser, credentials: Credentials) -> UserRead:
    """The caller, once Auth has said that the sign-in still stands.

    A round trip for each request, for what must not be done with a token that was signed out, or
    whose user was banned or deleted within the last hour.
    """
    assert credentials  # or there was no user
    if await user_of_token(supabase_of(request), credentials.credentials) is None:
        raise UnauthenticatedError("This sign-in has ended: sign in again.", code="session_ended")
    return user


LiveUser = Annotated[UserRead, Depends(live_user)]


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


async def _user_session(
    request: Request, _: CurrentUser, credentials: Credentials
) -> AsyncIterator[AsyncSession]:
    assert credentials is not None  # or `CurrentUser` would have refused
    async with database_of(request).session() as session:
        # Verified for `CurrentUser`; policies may ask for any of its claims.
        token = jwt.decode(credentials.credentials, options={"verify_signature": False})
        act_as(session, token)
        yield session


# Acts as the caller, under the tables' policies; `app.core.database.user_scope` says when to.
UserSession = Annotated[AsyncSession, Depends(_user_session, scope="function")]


async def _user(request: Request, claims: Claims) -> UserRead:
    known = service.get_cached(claims.user_id, claims.email) or await _enter(request, claims)
    return service.ensure_active(known)


async def _enter(request: Request, claims: Claims) -> UserRead:
    """Read the caller's row, made at the first request, and remember it."""
    # A session of its own: the usual request finds the user in the memory and needs none.
    async with database_of(request).session() as session:
        user, _ = await service.get_or_create(session, claims.user_id, claims.email)
        by_email = load_settings(UserSettings).approval is Approval.EMAIL
        if user.status is Status.PENDING and by_email:
            token = request.headers["authorization"].partition(" ")[2]
            known = await user_of_token(supabase_of(request), token)
            if known and known.get("email_confirmed_at"):
                user = await service.set_status(session, user.id, Status.APPROVED)
        return service.cache(user)
