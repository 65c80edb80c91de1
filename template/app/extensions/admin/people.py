"""Who may use the site: people whose row says admin or support, and that they are let in."""

from uuid import UUID

from app.core.database import Database
from app.core.errors import ForbiddenError, NotFoundError
from app.extensions.users import service as users
from app.extensions.users.schemas import UserRead

ROLES = ("admin", "support")
REFUSAL = "Address or password are wrong, or this account may not sign in here."


async def read(database: Database, user_id: UUID) -> UserRead:
    """Return a user as the table has them now.

    Raises:
        ForbiddenError: there is no such user.
    """
    try:
        return UserRead.model_validate(await users.get_row(database.reader, user_id))
    except NotFoundError as error:
        raise ForbiddenError(REFUSAL) from error


async def permitted(database: Database, user_id: UUID) -> UserRead:
    """Return a person who may use the site.

    Raises:
        ForbiddenError: they may not, or not any more.
    """
    user = users.ensure_active(await read(database, user_id))
    if user.role not in ROLES:
        raise ForbiddenError(REFUSAL)
    return user
