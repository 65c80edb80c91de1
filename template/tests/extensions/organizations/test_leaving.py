"""What is left of the organizations of a user who is deleted."""

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.errors import ConflictError
from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from app.extensions.organizations.models import Member, Organization
from app.extensions.organizations.service.organizations import personal
from app.extensions.users.models import Status, User
from app.extensions.users.service import delete_account, set_status
from tests.support.tenants import Tenants


async def test_the_personal_organization_goes_and_the_others_stay(
    tenants: Tenants, session: AsyncSession
) -> None:
    acme = await tenants.create("Acme")
    owner = acme.people["owner"].id
    mine = (await personal(session, owner)).id
    async with Supabase(get_settings()) as supabase:
        await delete_account(session, supabase, owner, by_operator=True)
    assert await session.get(Organization, mine, populate_existing=True) is None
    assert await session.get(Organization, acme.id, populate_existing=True)
    members = select(Member).where(col(Member.organization_id) == acme.id)
    assert (await session.exec(members)).all() == []


@pytest.mark.parametrize("before", ["nothing", "suspended", "transferred", "deleted", "operator"])
async def test_the_last_owner_keeps_the_account(
    tenants: Tenants, session: AsyncSession, before: str
) -> None:
    acme = await tenants.create("Acme", "member")
    owner, other = acme.people["owner"], acme.people["member"]
    await personal(session, owner.id)
    match before:
        case "suspended":
            change = await acme.ask("owner", "PATCH", f"/members/{other.id}", {"role": "owner"})
            assert change.status_code == 204
            await set_status(session, other.id, Status.SUSPENDED)
        case "transferred":
            given = await acme.ask("owner", "POST", "/transfer", {"user_id": str(other.id)})
            assert given.status_code == 204
        case "deleted":
            assert (await acme.ask("owner", "DELETE")).status_code == 204
    code = None
    async with Supabase(get_settings()) as supabase:
        try:
            await delete_account(session, supabase, owner.id, by_operator=before == "operator")
        except ConflictError as error:
            code = error.code
            await session.rollback()
    kept = before in ("nothing", "suspended")
    assert code == ("last_owner" if kept else None)
    row = await session.get_one(User, owner.id, populate_existing=True)
    assert (row.deleted_at is None) is kept
