"""Authorization: which users may use the site, by role and status of their row in `users`."""

from uuid import UUID

from app.core.database import Database
from app.core.errors import ForbiddenError, NotFoundError
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead

ROLES = ("admin", "support")
REFUSAL = "The address or the password is wrong, or this account may not sign in here."


async def get_user(database: Database, user_id: UUID) -> UserRead:
    """Read a user's row, without a cache.

    Raises:
        ForbiddenError: there is no such user.
    """
    try:
        return UserRead.model_validate(await users.get_row(database.reader, user_id))
    except NotFoundError as error:
        raise ForbiddenError(REFUSAL) from error


async def get_authorized_user(database: Database, user_id: UUID) -> UserRead:
    """Read the row of a user who may use the site.

    Raises:
        ForbiddenError: there is no such user, or the user is not active or has no role here.
    """
    user = users.ensure_active(await get_user(database, user_id))
    if user.role not in ROLES:
        raise ForbiddenError(REFUSAL)
    return user
