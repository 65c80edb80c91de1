"""A path without parameters leads to the route that FastAPI would choose."""

from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from starlette.requests import Request

from app.core.http.exact_routes import ExactRoutes
from tests.core.conftest import ClientOf


@pytest.fixture
async def api(client_of: ClientOf) -> AsyncIterator[AsyncClient]:
    """Routes in the orders that could go wrong."""
    app = FastAPI()
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @outer.get("/{name}")
    async def by_name(name: str) -> str:
        return f"by name {name}"

    @outer.get("/late")
    async def late() -> str:
        return "late"

    @inner.get("/first")
    async def first(request: Request) -> str:
        return f"first {request.url_for('late').path}"

    @inner.post("/first")
    async def post_first() -> str:
        return "post"

    @inner.get("/{name}")
    async def other(name: str) -> str:
        return f"other {name}"

    @outer.get("/any/{path:path}")
    async def any_path(path: str) -> str:
        return f"any {path}"

    @outer.get("/any/{name}")
    async def hidden(name: str) -> str:
        return f"hidden {name}"

    @outer.get("/{kind}/made")
    async def made(kind: str) -> str:
        return f"made {kind}"

    @outer.get("/things/{number}")
    async def thing(number: int) -> str:
        return f"thing {number}"

    @outer.get("/owned/{owner}")
    async def owned(request: Request, owner: str) -> str:
        return f"{request.scope['route'].path} {owner} {request.path_params}"

    outer.include_router(inner)
    app.include_router(outer)
    app.router.routes.insert(0, ExactRoutes(app))
    async with client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/outer/late", "by name late"),
        ("/outer/inner/first", "first /outer/late"),
        ("/outer/inner/second", "other second"),
        ("/outer/inner/{name}", "other {name}"),
        ("/outer/any/one", "any one"),
        ("/outer/things/made", "made things"),
        ("/outer/things/7", "thing 7"),
        ("/outer/owned/%C3%BC%20x", "/outer/owned/{owner} ü x {'owner': 'ü x'}"),
    ],
)
async def test_the_route_is_that_of_fastapi(api: AsyncClient, path: str, answer: str) -> None:
    response = await api.get(path)
    assert (response.status_code, response.json()) == (200, answer)


async def test_methods_and_slashes_are_told_apart(api: AsyncClient) -> None:
    assert (await api.post("/outer/inner/first")).json() == "post"
    refused = await api.delete("/outer/inner/first")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert (await api.get("/outer/inner/first/")).status_code == 307
    assert (await api.get("/nowhere")).status_code == 404
