"""Organizations in events and in flags."""

from datetime import timedelta
from uuid import uuid4

from fastapi import FastAPI, Request
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.models import utcnow
from app.extensions.flags.models import FlagOverride, Kind
from app.extensions.organizations.analytics import groups as groups_of_event
from app.extensions.organizations.flags import groups
from app.extensions.organizations.models import Organization
from app.extensions.organizations.service.scope import current
from app.extensions.organizations.tasks import purge_one
from tests.support.tenants import Tenants


def test_an_event_belongs_to_an_organization() -> None:
    one, other = uuid4(), uuid4()
    assert groups_of_event({}) == {}
    token = current.set(str(one))
    assert groups_of_event({}) == {"organization": str(one)}
    assert groups_of_event({"organization_id": other}) == {"organization": str(other)}
    current.reset(token)


async def test_a_flag_is_about_the_organization_of_a_member_only(
    tenants: Tenants, app: FastAPI
) -> None:
    acme, other = await tenants.create(), await tenants.create("Other")
    owner, reader = acme.people["owner"].id, app.state.database.reader

    def request(**scope: object) -> Request:
        return Request({"type": "http", "headers": [], "path_params": {}, **scope})

    by_path = request(path_params={"organization": acme.slug})
    by_header = request(headers=[(b"x-organization", acme.slug.encode())])
    for each in (by_path, by_header):
        assert await groups(each, owner, reader) == {"organization": str(acme.id)}
    assert await groups(request(), owner, reader) == {}
    foreign = request(path_params={"organization": other.slug})
    assert await groups(foreign, owner, reader) == {}


async def test_the_exceptions_of_flags_go_with_the_organization(
    tenants: Tenants, session: AsyncSession
) -> None:
    old, kept = await tenants.create("Old"), await tenants.create("Kept")
    user = old.people["owner"].id
    for kind, subject in ((Kind.GROUP, old.id), (Kind.GROUP, kept.id), (Kind.USER, user)):
        session.add(FlagOverride(name="shop.express", kind=kind, subject_id=subject, value=True))
    earlier = update(Organization).where(col(Organization.id) == old.id)
    await session.exec(earlier.values(deleted_at=utcnow() - timedelta(days=31)))
    await session.commit()
    await purge_one.function(session, organization_id=old.id)
    left = select(FlagOverride.subject_id).where(FlagOverride.name == "shop.express")
    assert set(await session.exec(left)) == {kept.id, user}
