"""Access tokens that this feature issues for the API: keys."""

from fastapi import Request

from app.core import context
from app.core.auth.dependencies import Claims
from app.core.database import database_of
from app.core.errors import ForbiddenError
from app.core.logging import get_logger
from app.extensions.api_keys import uses, verification
from app.extensions.api_keys.key_format import looks_like_key

log = get_logger(__name__)


async def verify(request: Request, token: str) -> Claims | None:
    """Return the claims of a key, or None if the token is of another kind.

    Raises:
        UnauthenticatedError: see `verification.find`.
        ForbiddenError: `api_key_address_refused`.
    """
    if not looks_like_key(token):
        return None
    key = await verification.find(database_of(request).reader, token)
    context.actor_id.set(f"api_key:{key.id}")
    address = request.client.host if request.client else ""
    if not key.admits(address):
        log.warning("api_key_address_refused", key_id=str(key.id), address=address)
        raise ForbiddenError(
            "This API key may not be used from this address.", code="api_key_address_refused"
        )
    uses.current.note(key.id, address)
    return Claims(
        user_id=key.user_id,
        email=None,
        assurance="aal1",
        session_id=None,
        expires=key.expires_at.timestamp(),
        is_machine=key.is_machine,
        scopes=key.scopes,
    )
