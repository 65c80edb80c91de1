"""Requests with a key of an organization are paid by the organization."""

from fastapi import FastAPI
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.extensions.api_keys.conftest import _fresh  # noqa: F401 - a fixture
from tests.extensions.credits_organizations.test_holders import (  # noqa: F401 - fixtures
    PATH,
    _probes,
    acme,
    ask,
    balances,
    by_header,
    by_path,
)
from tests.extensions.organizations.test_api_keys import machine, make, reason
from tests.support.tenants import Tenant, Tenants


async def test_the_organization_of_the_key_pays(
    client: AsyncClient,
    running_app: FastAPI,
    acme: Tenant,  # noqa: F811
    tenants: Tenants,
    session: AsyncSession,
) -> None:
    other = await tenants.create("Other")
    scopes = running_app.state.scopes
    running_app.state.scopes = scopes | dict.fromkeys((by_header, by_path), "credits:read")
    try:
        key = machine(await make(acme, scopes=["credits:read"]))
        path = f"/probe/{acme.slug}/share"
        assert (await client.post(path, headers=key.headers)).status_code == 200
        assert await balances(session, acme.id) == [13]
        refused = await client.post(f"/probe/{other.slug}/share", headers=key.headers)
        assert reason(refused) == (404, "organization_not_found")
        alone = await client.post("/probe/share", headers=key.headers)
        assert reason(alone) == (403, "user_required")
    finally:
        running_app.state.scopes = scopes
    assert (await ask(acme, key, "balance")).json()["balance"] == 13
    assert reason(await ask(acme, key, "transactions")) == (403, "no_manager")
