"""Dependencies of pages: the session of the browser, and its user."""

import contextlib
from typing import Annotated

from fastapi import Depends, Request
from redis.exceptions import RedisError

from app.core import context
from app.core.database import database_of
from app.core.errors import ForbiddenError, UnauthenticatedError
from app.extensions.sessions.service import csrf, life
from app.extensions.sessions.service.store import Session
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead


async def guard(request: Request) -> None:
    """Read the session of every page; refuse a change that this site's own pages did not send.

    Raises:
        ForbiddenError: `csrf_failed`.
    """
    if not await csrf.is_genuine(request):
        raise ForbiddenError(csrf.REFUSAL, code="csrf_failed")
    request.state.session = await life.current(request)


async def recall_session(request: Request) -> None:
    """Read the session for an error page, if no page has read it; a failure means none.

    The tokens are not replaced: the page only shows that somebody has signed in.
    """
    if hasattr(request.state, "session"):
        return
    request.state.session = None
    with contextlib.suppress(RedisError):
        request.state.session = await life.stored(request)


async def _received_session(request: Request) -> Session:
    """Return the session of a person who has signed in.

    Raises:
        UnauthenticatedError: nobody has; browsers are led to the sign-in.
    """
    session: Session | None = request.state.session
    if session is None:
        raise UnauthenticatedError("Sign in first.")
    context.user_id.set(str(session.user_id))
    return session


async def visitor(
    request: Request, session: Annotated[Session, Depends(_received_session)]
) -> UserRead:
    """Return the user of the session, also one who waits for approval."""
    user = users.get_cached(session.user_id, None)
    if user is None:
        since = users.evictions()
        async with database_of(request).session() as database:
            user = users.cache(await users.get(database, session.user_id), since)
    await life.follow_role(request, session, user.role)
    return user


async def current_session(request: Request, _: Annotated[UserRead, Depends(visitor)]) -> Session:
    """Return the session of the visitor, which has moved if the role of the visitor has changed."""
    session: Session = request.state.session
    return session


CurrentSession = Annotated[Session, Depends(current_session)]


async def active_visitor(user: Annotated[UserRead, Depends(visitor)]) -> UserRead:
    """Return the user of the session.

    Raises:
        ForbiddenError: the user may not use the application, see `users.ensure_active`.
    """
    return users.ensure_active(user)
