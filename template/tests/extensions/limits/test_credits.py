"""The tier of an account is the tier of its owner's limits."""

import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.credits.service import accounts
from tests.extensions.limits.conftest import client_of, limited_api
from tests.support.people import SignIn
from tests.support.transaction import TransactionDatabase

PATH = "/probe/inner/default"


@pytest.mark.parametrize(("tier", "amount"), [("free", 600), ("premium", 3000)])
async def test_the_tier_of_the_account(
    sign_in: SignIn, session: AsyncSession, connection: object, tier: str, amount: int
) -> None:
    ada = await sign_in()
    await session.run_sync(accounts.set_tier, ada.id, tier)
    await session.commit()
    async with limited_api() as app, client_of(app) as client:
        use(app, connection)
        answer = await client.get(PATH, headers=ada.headers)
        assert answer.headers["ratelimit-policy"] == f'"default";q={amount};w=60'
        # It is cached.
        await session.run_sync(accounts.set_tier, ada.id, "enterprise")
        await session.commit()
        again = await client.get(PATH, headers=ada.headers)
        assert again.headers["ratelimit-policy"] == answer.headers["ratelimit-policy"]


def use(app: FastAPI, connection: object) -> None:
    """Read in the transaction of the test."""
    app.state.database = TransactionDatabase(app.state.database.engine, connection)  # type: ignore[arg-type]
