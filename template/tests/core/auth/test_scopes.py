"""Tokens with scopes: features declare which routes accept them, and all others refuse them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient

from app.core.auth import dependencies, scopes
from app.core.auth.dependencies import Claims, OptionalClaims
from app.core.features import Feature, FeatureError
from app.core.http.error_handlers import add_error_handlers

Scopes = dict[str, tuple[str, ...]]

router = APIRouter()


@router.get("/listed")
async def list_parcels(claims: OptionalClaims) -> bool:
    return claims is not None


@router.get("/{key}/read")
async def read_parcel(key: str, claims: OptionalClaims) -> str:
    return key


@router.get("/closed")
async def close_parcel(claims: OptionalClaims) -> None:
    """Has no scope."""


@router.get("/public")
async def track_parcel() -> str:
    """Reads no token."""
    return "tracked"


for route in (list_parcels, read_parcel, close_parcel, track_parcel):
    route.__module__ = "app.features.parcels.routes"


def declare(monkeypatch: pytest.MonkeyPatch, declared: Scopes) -> FastAPI:
    """An API with these routes, and with the scopes of their feature `parcels`."""
    feature = Feature("parcels", "app.features.parcels", Path())
    monkeypatch.setattr(scopes, "load", lambda _: ((feature, declared),))
    app = FastAPI()
    app.include_router(router, prefix="/parcels")
    app.state.scopes = scopes.scopes_of(app.routes)
    add_error_handlers(app)
    return app


DECLARED = {"parcels:read": ("list_parcels", "read_parcel"), "parcels:write": ("track_parcel",)}


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """A client of it; a token consists of its scopes, and `all` is the token of a person."""
    app = declare(monkeypatch, DECLARED)

    async def verify(_: object, token: str) -> Claims:
        granted = None if token == "all" else frozenset(token.split(","))
        return Claims(uuid4(), None, "aal1", None, time.time() + 60, scopes=granted)

    monkeypatch.setattr(dependencies, "load", lambda _: ((None, verify),))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        yield client


@pytest.mark.parametrize(
    ("token", "path", "status", "code"),
    [
        ("parcels:read", "listed", 200, None),
        ("parcels:read,other:read", "7/read", 200, None),
        ("parcels:write", "listed", 403, "scope_required"),
        ("parcels:write", "7/read", 403, "scope_required"),
        ("parcels:read,parcels:write", "closed", 403, "scoped_token_refused"),
        ("none", "public", 200, None),
        ("all", "listed", 200, None),
        ("all", "closed", 200, None),
    ],
)
async def test_which_routes_accept_a_token(
    api: AsyncClient, token: str, path: str, status: int, code: str | None
) -> None:
    answer = await api.get(f"/parcels/{path}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
    if code == "scope_required":
        assert answer.json()["scope"] == "parcels:read"


def test_scopes_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, DECLARED)
    assert scopes.known_scopes() == ["parcels:read", "parcels:write"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"letters:read": ("list_parcels",)}, r"'letters:read'; write it like parcels:read"),
        ({"parcels": ("list_parcels",)}, "'parcels'; write it like parcels:read"),
        ({"parcels:Read all": ()}, "write it like parcels:read"),
        ({"parcels:read": ("list_letters",)}, "list_letters of 'parcels', which is not a function"),
        (
            {"parcels:read": ("list_parcels",), "parcels:write": ("list_parcels",)},
            "gives list_parcels more than one scope",
        ),
    ],
)
def test_a_wrong_declaration_fails_the_start(
    monkeypatch: pytest.MonkeyPatch, declared: Scopes, message: str
) -> None:
    with pytest.raises(FeatureError, match=message):
        declare(monkeypatch, declared)
