"""The list of tiers is cached, and a change of a tier is seen at once."""

from httpx import AsyncClient

from app.core.settings import get_settings
from app.extensions.users.models import Role
from tests.support.people import SignIn

PATH = f"{get_settings().api_prefix}/credits/tiers"


async def test_the_list_of_tiers(client: AsyncClient, sign_in: SignIn) -> None:
    admin, ada = await sign_in(role=Role.ADMIN), await sign_in()
    first = await client.get(PATH, headers=admin.headers)
    again = await client.get(PATH, headers=ada.headers)
    assert again.headers["cache-status"] == "app; hit"
    assert again.content == first.content
    assert (await client.get(PATH)).status_code == 401

    changes = {"daily_charges": 77}
    await client.patch(f"{PATH}/free", json=changes, headers=admin.headers)
    changed = await client.get(PATH, headers=ada.headers)
    assert changed.headers["cache-status"] == "app; fwd=miss; stored"
    assert {tier["name"]: tier["daily_charges"] for tier in changed.json()}["free"] == 77
    # Something else in the same database does not matter.
    await client.patch(f"{get_settings().api_prefix}/users/me", json={}, headers=ada.headers)
    assert (await client.get(PATH, headers=ada.headers)).headers["cache-status"] == "app; hit"
