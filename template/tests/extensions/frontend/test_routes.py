"""`/frontend`: what the application in the browser has to know."""

import os

from httpx import AsyncClient

from tests.support.canaries import canaries, told


async def test_the_configuration_is_public_and_has_no_secret(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/frontend")
    assert answer.json() == {
        "supabase_url": os.environ["SUPABASE_URL"].rstrip("/"),
        "supabase_publishable_key": os.environ["SUPABASE_PUBLISHABLE_KEY"],
    }
    assert "max-age" in answer.headers["cache-control"]
    assert told(answer.text, *canaries()) == []
