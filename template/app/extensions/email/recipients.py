"""Who must not be mailed: suppressed addresses, and categories that a recipient does not want."""

from collections.abc import Collection

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.core.errors import InvalidError, NotFoundError
from app.extensions.email.catalog import categories
from app.extensions.email.models import Preference, Reason, Suppression, storable
from app.extensions.email.schemas import Category, Mail, PreferenceRead, normalize

UNWANTED = "unwanted"


def blocked(session: Session, mail: Mail) -> dict[str, str]:
    """Return the recipients that must not get a mail, with the reason."""
    addresses = mail.recipients
    found = session.scalars(select(Suppression).where(col(Suppression.address).in_(addresses)))
    reasons: dict[str, str] = {each.address: each.reason.value for each in found}
    if mail.category.optional and not _wants(session, addresses[0], mail):
        reasons.setdefault(addresses[0], UNWANTED)
    return reasons


def _wants(session: Session, address: str, mail: Mail) -> bool:
    preference = session.get(Preference, (address, mail.category.name))
    return preference.wanted if preference else mail.category.on_by_default


async def suppress(
    session: AsyncSession, address: str, reason: Reason, details: str | None = None
) -> None:
    """Never mail an address again; the first reason stays. The caller commits.

    Raises:
        InvalidError: it is no address.
    """
    statement = insert(Suppression).values(
        address=_checked(address),
        reason=reason,
        details=storable(details)[:500] if details else None,
        created_at=utcnow(),
    )
    await session.exec(statement.on_conflict_do_nothing())


async def release(session: AsyncSession, address: str) -> None:
    """Mail an address again. The caller commits.

    Raises:
        NotFoundError: it is not suppressed.
    """
    statement = delete(Suppression).where(col(Suppression.address) == _checked(address))
    if (await session.exec(statement)).rowcount == 0:
        raise NotFoundError("This address is not suppressed.", code="address_not_suppressed")


async def reactivate(session: AsyncSession, address: str) -> None:
    """Mail an address again that a provider had reported. The caller commits.

    Raises:
        InvalidError: it is no address.
    """
    statement = delete(Suppression).where(
        col(Suppression.address) == _checked(address), col(Suppression.reason) != Reason.MANUAL
    )
    await session.exec(statement)


async def subscribers(session: AsyncSession, category: Category) -> list[str]:
    """Return the addresses that have switched a category on."""
    statement = select(Preference.address).where(
        col(Preference.category) == category.name, col(Preference.wanted)
    )
    return list(await session.exec(statement.order_by(col(Preference.address))))


async def preferences(session: AsyncSession, address: str) -> list[PreferenceRead]:
    """Return the choice of an address for each category that one can switch off."""
    statement = select(Preference).where(col(Preference.address) == _checked(address))
    chosen = {each.category: each.wanted for each in await session.exec(statement)}
    return [
        PreferenceRead(category=name, label=each.label, wanted=chosen.get(name, each.on_by_default))
        for name, each in sorted(categories().items())
    ]


async def set_preference(
    session: AsyncSession, address: str, category: str, *, wanted: bool
) -> None:
    """Record the choice of an address. The caller commits.

    Raises:
        InvalidError: it is no address.
        NotFoundError: there is no such category.
    """
    if category not in categories():
        raise NotFoundError("There is no such category of mails.", code="category_not_found")
    await _record(session, address, category, wanted=wanted)


async def unsubscribe(session: AsyncSession, address: str, category: str) -> None:
    """Switch the category of a signed link off. The caller commits.

    No mail may have this category any more: links do not expire.
    """
    await _record(session, address, category, wanted=False)


async def choose(session: AsyncSession, address: str, wanted: Collection[str]) -> None:
    """Switch the categories in `wanted` on and all others off. The caller commits."""
    for category in categories():
        await _record(session, address, category, wanted=category in wanted)


async def _record(session: AsyncSession, address: str, category: str, *, wanted: bool) -> None:
    values = {"wanted": wanted, "updated_at": utcnow()}
    statement = insert(Preference).values(address=_checked(address), category=category, **values)
    await session.exec(
        statement.on_conflict_do_update(index_elements=["address", "category"], set_=values)
    )


def _checked(address: str) -> str:
    try:
        return normalize(address)
    except ValueError as error:
        raise InvalidError("This is no e-mail address.", code="invalid_address") from error
