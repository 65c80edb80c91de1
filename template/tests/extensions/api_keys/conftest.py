"""Keys for tests, and the statements that requests with them run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.auth.scopes import known_scopes
from app.extensions.api_keys import service, uses, verification
from app.extensions.api_keys.schemas import ApiKeyCreate
from app.extensions.users.models import Status, User
from tests.support.people import Person, SignIn
from tests.support.statements import collected

KEYS = "/api/v1/api_keys"
ME = "/api/v1/users/me"
HERE = "203.0.113.7"


@dataclass(frozen=True)
class Machine:
    """A key; `headers` authorize a request."""

    id: UUID
    text: str
    headers: dict[str, str]


class MakeKey(Protocol):
    """The fixture `make_key`, which creates a key with all scopes."""

    def __call__(self, person: Person, **values: Any) -> Awaitable[Machine]: ...


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def forget() -> None:
    """Empty the caches of this process, as if it had just started."""
    verification._keys.clear()
    verification._unknown.clear()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    # The API under test writes the uses that it knows: it must not do so during a test.
    monkeypatch.setattr(uses, "current", uses.Uses())
    forget()


@pytest.fixture
async def ada(sign_in: SignIn) -> Person:
    """A user, signed in."""
    return await sign_in()


@pytest.fixture
def make_key(session: AsyncSession) -> MakeKey:
    async def make(person: Person, **values: Any) -> Machine:
        given = {"name": "CI", "scopes": known_scopes(), **values}
        body = ApiKeyCreate.model_validate(given)
        key, text = await service.create(session, person.id, body, address=HERE)
        return Machine(key.id, text, bearer(text))

    return make


@pytest.fixture
def from_address(app: FastAPI) -> Callable[[str], AsyncClient]:
    """A client of the API with an IP address."""

    def client_of(address: str) -> AsyncClient:
        transport = ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        return AsyncClient(transport=transport, base_url="http://testserver")

    return client_of


class Statements(Protocol):
    """The fixture `statements`: `async with statements() as found`."""

    def __call__(self) -> Any: ...


@pytest.fixture
def statements(connection: AsyncConnection) -> Statements:
    """Collect the statements that requests run."""
    return partial(collected, connection)


@pytest.fixture
async def committed_owner(committed: AsyncClient, running_app: FastAPI) -> AsyncIterator[User]:
    """A user whose row is committed, in the database of `committed`."""
    async with running_app.state.database.session() as session:
        owner = User(id=uuid4(), email=f"{uuid4().hex}@example.com", status=Status.APPROVED)
        session.add(owner)
        await session.commit()
        yield owner
        await session.delete(owner)
        await session.commit()
