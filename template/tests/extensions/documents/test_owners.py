"""Other users have no access through any route of documents."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.extensions.documents.models import DocumentState
from app.extensions.documents.routes import router
from tests.extensions.documents.conftest import PATH, Store
from tests.support.people import SignIn

WITH_ID = sorted(
    (method, route.path)
    for route in router.routes
    if isinstance(route, APIRoute) and "{document_id}" in route.path
    for method in route.methods or ()
)
BODIES: dict[str, dict[str, Any]] = {
    "": {"name": "x", "size": 1, "sha256": "0" * 64, "media_type": "text/plain"},
    "/search": {"query": "x"},
    "/ask": {"question": "x"},
}


def test_all_routes_are_tested_here() -> None:
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    assert paths - {path for _, path in WITH_ID} == {*BODIES, "/direct"}


@pytest.mark.parametrize(("method", "path"), WITH_ID)
@pytest.mark.parametrize("state", list(DocumentState))
async def test_the_document_of_another_user_is_not_found(
    client: AsyncClient,
    sign_in: SignIn,
    store: Store,
    session: AsyncSession,
    method: str,
    path: str,
    state: DocumentState,
) -> None:
    owner, other = await sign_in(), await sign_in()
    document = await store(owner, "mine")
    document.state = state
    await session.commit()
    one = f"{PATH}{path.format(document_id=document.id)}"
    answer = await client.request(method, one, headers=other.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")
    missing = f"{PATH}{path.format(document_id=uuid4())}"
    assert (await client.request(method, missing, headers=other.headers)).status_code == 404
    mine = await client.get(f"{PATH}/{document.id}", headers=owner.headers)
    assert mine.status_code == 200


async def test_a_list_has_the_documents_of_the_caller(
    client: AsyncClient, sign_in: SignIn, store: Store
) -> None:
    owner, other = await sign_in(), await sign_in()
    documents = [await store(owner, "mine") for _ in range(3)]
    page = (await client.get(PATH, params={"limit": 2}, headers=owner.headers)).json()
    rest = await client.get(PATH, params={"cursor": page["next_cursor"]}, headers=owner.headers)
    found = [each["id"] for each in page["items"] + rest.json()["items"]]
    assert found == [str(each.id) for each in reversed(documents)]
    assert (await client.get(PATH, headers=other.headers)).json()["items"] == []


async def test_every_route_requires_a_token(client: AsyncClient, app: FastAPI) -> None:
    for path, body in BODIES.items():
        assert (await client.post(f"{PATH}{path}", json=body)).status_code == 401
    assert (await client.post(f"{PATH}/direct", params={"name": "x"})).status_code == 401
    for method, path in WITH_ID:
        one = f"{PATH}{path.format(document_id=uuid4())}"
        assert (await client.request(method, one)).status_code == 401
