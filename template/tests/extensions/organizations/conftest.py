"""Fixtures of these tests."""

import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.service import invitations
from tests.support.people import SignIn
from tests.support.tenants import Tenants


@pytest.fixture
def tenants(client: AsyncClient, session: AsyncSession, sign_in: SignIn) -> Tenants:
    """Creates organizations."""
    return Tenants(client, session, sign_in)


@pytest.fixture
def answered_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer the links of invitations, as in a project in which no feature delivers them."""
    monkeypatch.setattr(invitations, "load", lambda _: ())
