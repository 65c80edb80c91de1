"""`GET /flags`: all flags, for apps that show and hide things by them."""

from fastapi import APIRouter

from app.core.database import DatabaseReader
from app.extensions.flags.deps import Groups
from app.extensions.flags.schemas import FlagValues
from app.extensions.flags.service import all_values
from app.extensions.users.deps import OptionalUser

router = APIRouter()


@router.get("", summary="Which flags are on for me?")
async def list_flags(user: OptionalUser, reader: DatabaseReader, groups: Groups) -> FlagValues:
    """All flags of the backend, as they are for the caller."""
    user_id = user.id if user else None
    return FlagValues(await all_values(reader, user_id=user_id, groups=groups))
