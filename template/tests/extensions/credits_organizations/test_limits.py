"""The tier of an organization's account multiplies what its members may send together."""

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import accounts
from tests.extensions.limits.conftest import client_of, limited_api, no_counts  # noqa: F401
from tests.extensions.limits.test_credits import use
from tests.support.tenants import PATH, Tenants


@pytest.mark.parametrize(
    ("tier", "amount"), [(None, 6000), ("organization", 6000), ("premium", 30_000)]
)
async def test_the_tier_of_the_account(
    tenants: Tenants, session: AsyncSession, connection: object, tier: str | None, amount: int
) -> None:
    acme = await tenants.create()
    if tier:
        await session.run_sync(accounts.set_tier, acme.id, tier)
        await session.commit()
    async with limited_api() as app, client_of(app) as client:
        use(app, connection)
        answer = await client.get(f"{PATH}/{acme.slug}", headers=acme.people["owner"].headers)
        assert f'"default.organization";q={amount};w=60' in answer.headers["ratelimit-policy"]
