"""Organizations for tests, with people in each role."""

from dataclasses import dataclass, field
from uuid import UUID

from httpx import AsyncClient, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.organizations.models import Member
from tests.support.people import Person, SignIn

PATH = "/api/v1/organizations"


@dataclass
class Tenant:
    """An organization, and its people by role."""

    id: UUID
    slug: str
    client: AsyncClient
    people: dict[str, Person] = field(default_factory=dict)

    async def ask(
        self, role: str | Person, method: str, path: str = "", json: object = None
    ) -> Response:
        """Send a request below the organization's path, as somebody with a role or as a person."""
        person = self.people[role] if isinstance(role, str) else role
        return await self.client.request(
            method, f"{PATH}/{self.slug}{path}", json=json, headers=person.headers
        )


class Tenants:
    """Creates organizations through the API; people join in the database."""

    def __init__(self, client: AsyncClient, session: AsyncSession, sign_in: SignIn) -> None:
        self._client, self._session, self._sign_in = client, session, sign_in

    async def create(self, name: str = "Acme", *roles: str) -> Tenant:
        """Create an organization with an owner, and one person for each of the roles."""
        owner = await self._sign_in()
        made = await self._client.post(PATH, json={"name": name}, headers=owner.headers)
        assert made.status_code == 201, made.text
        tenant = Tenant(
            UUID(made.json()["id"]), made.json()["slug"], self._client, {"owner": owner}
        )
        for role in roles:
            await self.join(tenant, role)
        return tenant

    async def join(self, tenant: Tenant, role: str) -> Person:
        """Let a new user join."""
        person = await self._sign_in()
        self._session.add(Member(organization_id=tenant.id, user_id=person.id, role=role))
        await self._session.commit()
        tenant.people[role] = person
        return person
