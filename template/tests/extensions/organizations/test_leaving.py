"""What is left of the organizations of a user who is deleted."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.service.organizations import personal
from app.extensions.users.service import delete_account
from tests.support.tenants import Tenants


async def test_the_personal_organization_goes_and_the_others_stay(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme")
    owner = acme.people["owner"].id
    mine = (await personal(session, owner)).id
    async with Supabase(get_settings()) as supabase:
        await delete_account(session, supabase, owner)
    assert await session.get(Organization, mine, populate_existing=True) is None
    assert await session.get(Organization, acme.id, populate_existing=True)
    members = select(Member).where(col(Member.organization_id) == acme.id)
    assert (await session.exec(members)).all() == []
