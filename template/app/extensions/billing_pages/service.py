"""For whom a visitor pays: for themselves, or for another holder that a feature knows.

A feature with other holders has a module `billing_pages.py` with these functions:

    async def accounts(reader: Reader, user_id: UUID) -> list[Account]: ...
    async def account(reader: Reader, user_id: UUID, key: str) -> Account: ...
    def named(request: Request) -> str | None: ...

`accounts` returns those of a user, and `account` one of them, or raises a NotFoundError. `named`
returns the key that the path of a page names, so that `require_feature` asks for its plan.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import Reader
from app.core.errors import NotFoundError
from app.core.features import load
from app.extensions.billing.service import holders
from app.extensions.billing.service.holders import Holder
from app.extensions.users.service import get_many

HOOK = "billing_pages"
OWN = "You"


@dataclass(frozen=True)
class Account:
    """A holder, as the pages name it."""

    key: str  # the value of `account` in addresses; empty for the visitor alone
    name: str
    holder: Holder


async def accounts(reader: Reader, user_id: UUID) -> list[Account]:
    """Return all accounts of a user, the own one first."""
    found = [Account("", OWN, Holder(user_id))]
    for _, module in load(HOOK):
        found += await module.accounts(reader, user_id)
    return found


async def account(reader: Reader, user_id: UUID, key: str) -> Account:
    """Return an account of a user.

    Raises:
        NotFoundError: the user has no such account.
    """
    if not key:
        return Account("", OWN, Holder(user_id))
    for _, module in load(HOOK):
        found: Account = await module.account(reader, user_id, key)
        return found
    raise NotFoundError("There is no such account.", code="account_not_found")


async def managers(reader: Reader, session: AsyncSession, holder_id: UUID) -> list[str]:
    """Return the names of those who may buy, change and cancel."""
    ids = await holders.managers(session, holder_id)
    await session.rollback()
    users = await get_many(reader, ids)
    known = [users[each] for each in ids if each in users]
    return [user.display_name or user.email or "" for user in known]
