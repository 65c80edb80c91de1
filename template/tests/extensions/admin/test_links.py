"""The link on the home page."""

from httpx import AsyncClient

from app.extensions.admin.links import LINKS


async def test_the_link_leads_to_the_sign_in_page(client: AsyncClient) -> None:
    (address,) = LINKS.values()
    answer = await client.get(address, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == "/admin/login"
