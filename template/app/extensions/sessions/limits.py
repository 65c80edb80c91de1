"""The requests of a browser count as those of the user who has signed in with it."""

from uuid import UUID

from starlette.requests import HTTPConnection

from app.extensions.sessions.service import store
from app.extensions.sessions.service.browser import cookie_name, key_of


async def user_of(connection: HTTPConnection) -> UUID | None:
    """Return the user of the session; a page need not read the session again."""
    secret = connection.cookies.get(cookie_name())
    if not secret:
        return None
    session = await store.get(connection.app.state.redis, key_of(secret))
    connection.state.stored_session = session
    return session.user_id if session else None
