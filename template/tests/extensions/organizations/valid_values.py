"""An organization for `tests/core/http/test_unstorable_values.py`."""

from httpx import AsyncClient

from app.extensions.organizations.deps import HEADER
from tests.support.tenants import PATH


async def valid_values(client: AsyncClient, headers: dict[str, str]) -> dict[str, str]:
    """Create an organization, whose owner sends the requests."""
    made = await client.post(PATH, json={"name": "Valid"}, headers=headers)
    return dict.fromkeys(("organization", HEADER), made.json()["slug"])
