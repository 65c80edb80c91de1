"""Fixtures of these tests."""

from collections.abc import Iterator

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.support.people import SignIn
from tests.support.scoped_queries import refuse_unscoped
from tests.support.tenants import Tenants


@pytest.fixture(autouse=True)
def _scoped_queries() -> Iterator[None]:
    """Fail at a query on a table of organizations that does not say for which."""
    with refuse_unscoped():
        yield


@pytest.fixture
def tenants(client: AsyncClient, session: AsyncSession, sign_in: SignIn) -> Tenants:
    """Creates organizations."""
    return Tenants(client, session, sign_in)
