"""Items under the policies of their table."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database import act_as
from app.features.items.models import Item
from tests.features.items.factories import ItemFactory
from tests.support.tenants import Tenant, Tenants
from tests.support.transaction import session_inside

# The statements say nothing of organizations: the policy does.
EVERYTHING = {"all_organizations": True}


@pytest.fixture
async def two(tenants: Tenants, session: AsyncSession) -> tuple[Tenant, Tenant]:
    """Two organizations with a row each."""
    pair = await tenants.create("Acme", "member"), await tenants.create("Other")
    for tenant, title in zip(pair, ("ours", "theirs"), strict=True):
        session.add(ItemFactory.build(organization_id=tenant.id, title=title))
    await session.commit()
    return pair


@pytest.fixture
async def as_member(
    connection: AsyncConnection, two: tuple[Tenant, Tenant]
) -> AsyncIterator[AsyncSession]:
    """A session that acts as a member of the first, in the transaction of the test."""
    async with session_inside(connection) as session:
        act_as(session, two[0].people["member"].id)
        yield session


async def test_a_member_reads_and_changes_only_rows_of_the_organization(
    as_member: AsyncSession,
) -> None:
    titles = await as_member.exec(select(Item.title), execution_options=EVERYTHING)
    assert titles.all() == ["ours"]
    change = update(Item).values(title="changed").returning(col(Item.organization_id))
    changed = await as_member.exec(change, execution_options=EVERYTHING)
    assert len(changed.all()) == 1


async def test_a_row_cannot_be_given_to_another_organization(
    as_member: AsyncSession, two: tuple[Tenant, Tenant]
) -> None:
    gift = update(Item).values(organization_id=two[1].id)
    with pytest.raises(DBAPIError) as refused:
        await as_member.exec(gift, execution_options=EVERYTHING)
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"
