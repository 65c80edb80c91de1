"""Seats, and the people who use them: a user has one, and other holders have several people."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import load_settings
from app.extensions.billing.errors import NoSeatLeftError, SeatsInUseError
from app.extensions.billing.service import holders
from app.extensions.billing.service.catalogue import Plan
from app.extensions.billing.service.plans import standing_in
from app.extensions.billing.settings import BillingSettings


async def check_seats(session: AsyncSession, holder_id: UUID, plan: Plan, seats: int) -> None:
    """Refuse to buy fewer seats than there are people.

    Raises:
        SeatsInUseError: they are fewer.
    """
    people = await holders.people(session, holder_id)
    if people > seats:
        raise SeatsInUseError(people, seats, plan.name)


async def check_room(session: AsyncSession, holder_id: UUID, expected: int) -> None:
    """Refuse more people than there are seats, for features whose holders have several.

    Without a key for Stripe, nobody can buy a seat, so there is no limit.

    Raises:
        NoSeatLeftError: there are not so many.
    """
    if load_settings(BillingSettings).stripe_key is None:
        return
    current = await standing_in(session, holder_id)
    if expected > current.places:
        raise NoSeatLeftError(current.places, current.plan.name)
