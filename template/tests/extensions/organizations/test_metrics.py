"""Metrics do not name organizations: their number of series does not grow with them."""

import json

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.extensions.metrics.middleware import Middleware
from app.extensions.metrics.recorder import recorder
from app.extensions.organizations.deps import HEADER
from tests.support.tenants import PATH, Tenants


async def test_requests_of_all_organizations_have_the_same_series(
    running_app: FastAPI, tenants: Tenants
) -> None:
    measured = Middleware(running_app)
    measured.enabled = True
    series = []
    async with AsyncClient(
        transport=ASGITransport(measured), base_url="http://testserver"
    ) as client:
        for name in ("A", "B"):
            tenant = await tenants.create(name)
            headers = tenant.people["owner"].headers | {HEADER: tenant.slug}
            recorder.take()
            for path in ("", "/members", "/nothing"):
                await client.get(f"{PATH}/{tenant.slug}{path}", headers=headers)
            series.append({tuple(json.loads(each)[1]) for each in recorder.take()})
    assert series[0] == series[1]
    assert ("GET", PATH + "/{organization}", "200") in series[0]
