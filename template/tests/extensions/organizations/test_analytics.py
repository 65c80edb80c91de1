"""Organizations in events and in flags."""

from uuid import uuid4

from fastapi import FastAPI, Request

from app.extensions.organizations.analytics import groups as groups_of_event
from app.extensions.organizations.flags import groups
from app.extensions.organizations.service.scope import current
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
