"""Dependencies for the calling user, for routes of every feature."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.dependencies import Claims, OptionalClaims, WithToken, required, token_of
from app.core.database import act_as, database_of
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.core.http.webhooks import signed_json
from app.core.settings import load_settings
from app.core.supabase.auth import user_of_token
from app.core.supabase.clients import supabase_of
from app.extensions.users import service
from app.extensions.users.models import Role
from app.extensions.users.schemas import UserRead
from app.extensions.users.settings import UserSettings


async def _optional_user(request: Request, claims: Claims | None) -> UserRead | None:
    """Return the caller, or None without a token; a caller who is not approved is refused."""
    return None if claims is None else await _user(request, claims)


async def _current_user(request: Request, claims: Claims | None) -> UserRead:
    """Return the caller, who is signed in and approved."""
    return await _user(request, required(claims))


OptionalUser = Annotated[UserRead | None, Depends(WithToken(_optional_user, optional=True))]
CurrentUser = Annotated[UserRead, Depends(WithToken(_current_user))]
# The caller, also one who signed in anonymously; registering later keeps the row.
UserOrAnonymous = Annotated[UserRead, Depends(WithToken(_current_user, anonymous=True))]
# The caller, also through an OAuth client that acts for them.
UserOrDelegated = Annotated[UserRead, Depends(WithToken(_current_user, oauth_client=True))]
# The caller, also a program that acts for nobody, see `service.add_machine`. For routes whose rows
# do not belong to the caller.
UserOrMachine = Annotated[UserRead, Depends(WithToken(_current_user, machine=True))]


async def live_user(request: Request, user: CurrentUser) -> UserRead:
    """Return the caller after Auth has confirmed that the session still exists.

    It costs a round trip for each request. It is for actions that must not be possible with a token
    whose session has ended or whose user was banned or deleted, which stays valid for an hour.
    """
    if await user_of_token(supabase_of(request), _token(request)) is None:
        raise UnauthenticatedError("This session has ended: sign in again.", code="session_ended")
    return user


LiveUser = Annotated[UserRead, Depends(live_user)]
# The dependencies that do this: a feature with another kind of caller adds its own.
LIVE_CHECKS: set[Callable[..., Any]] = {live_user}


def require(role: Role) -> Callable[[CurrentUser], Awaitable[UserRead]]:
    """Return a dependency that admits only users with this role."""

    async def with_role(user: CurrentUser) -> UserRead:
        if user.role is not role:
            raise ForbiddenError(f"This requires the role {role}.", code="role_required")
        return user

    return with_role


AdminUser = Annotated[UserRead, Depends(require(Role.ADMIN))]


async def require_aal2(_: CurrentUser, claims: OptionalClaims) -> Claims:
    """Admit only users who signed in with a second factor."""
    if claims is None or claims.assurance != "aal2":
        raise ForbiddenError("Sign in with a second factor first.", code="aal2_required")
    return claims


async def _user_session(request: Request, user: CurrentUser) -> AsyncIterator[AsyncSession]:
    async with database_of(request).session() as session:
        # `CurrentUser` has verified the token. Policies may read any of its claims.
        try:
            act_as(session, jwt.decode(_token(request), options={"verify_signature": False}))
        except jwt.DecodeError:
            act_as(session, user.id)  # a token that a feature issues need not be a JWT
        yield session


# Acts as the caller under the tables' policies: see `app.core.database.user_scope`.
UserSession = Annotated[AsyncSession, Depends(_user_session, scope="function")]


async def _hook_body(request: Request) -> dict[str, Any]:
    secrets = load_settings(UserSettings).hook_secrets
    return await signed_json(request, secrets, "USER_HOOK_SECRETS")


# The body of a hook of Supabase Auth, which has signed it with one of USER_HOOK_SECRETS.
HookBody = Annotated[dict[str, Any], Depends(_hook_body)]


async def _user(request: Request, claims: Claims) -> UserRead:
    user = service.get_cached(claims.user_id, claims.email) or await _get_or_create(request, claims)
    return service.ensure_active(user)


async def _get_or_create(request: Request, claims: Claims) -> UserRead:
    since = service.evictions()
    # Not the request's session: most requests find the user in the cache and need none.
    async with database_of(request).session() as session:
        user, _ = await service.get_or_create(session, claims.user_id, claims.email)
        if service.awaits_confirmation(user):
            in_auth = await user_of_token(supabase_of(request), _token(request))
            if in_auth and in_auth.get("email_confirmed_at"):
                user = await service.approve_confirmed(session, user)
        return service.cache(user, since)


def _token(request: Request) -> str:
    token = token_of(request)
    assert token  # `CurrentUser` refuses requests without one
    return token
