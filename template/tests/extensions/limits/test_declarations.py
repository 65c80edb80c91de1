"""Limits that a feature declares in its `limits.py`."""

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from app.core.features import Feature, FeatureError
from app.extensions.limits import policies
from app.extensions.limits.deps import Limit, limit
from app.extensions.limits.policies import Policies, Policy

Declare = Any


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Let the feature `parcels` declare limits: `declare(LIMITS={…})`."""

    def declare(**module: object) -> None:
        feature = SimpleNamespace(spec=Feature, name="parcels")
        monkeypatch.setattr(policies, "load", lambda _: ((feature, SimpleNamespace(**module)),))
        monkeypatch.setattr(policies, "owner_of", lambda _: "parcels")

    return declare


def api(*, same_name_twice: str | None = None) -> FastAPI:
    router = APIRouter()

    @router.post("/parcels")
    def send_parcel() -> None: ...

    @router.get("/parcels/{parcel_id}", dependencies=[limit("parcels.read", "9/minute")])
    def read_parcel(parcel_id: int) -> None: ...

    @router.get("/parcels/first")
    def read_first() -> None: ...

    @router.get("/exempt/first")
    def read_exempt() -> None: ...

    @router.get("/exempt/{name}", dependencies=[limit("parcels.exempt", "8/minute")])
    def read_limited(name: str) -> None: ...

    if same_name_twice:

        @router.get("/other", dependencies=[limit("parcels.read", same_name_twice)])
        def other() -> None: ...

    app = FastAPI()
    app.include_router(router, prefix="/v1")
    return app


def find(found: Policies, method: str, path: str) -> Policy | None:
    return found.find({"type": "http", "method": method, "path": path, "root_path": ""})


def test_a_limit_is_for_the_function_of_a_route(declare: Declare) -> None:
    declare(LIMITS={"send_parcel": Limit("parcels.send", "7/minute")})
    found = Policies(api())
    assert find(found, "POST", "/v1/parcels") == Policy("parcels.send", 7, 60, 1, closed=False)
    assert find(found, "GET", "/v1/parcels") == found.default


def test_the_first_route_that_matches_counts_as_in_fastapi(declare: Declare) -> None:
    declare()
    found = Policies(api())
    first = find(found, "GET", "/v1/parcels/first")
    assert first
    assert first.name == "parcels.read"


def test_paths_are_exempt_with_those_below_them(declare: Declare) -> None:
    declare(EXEMPT=("/v1/parcels", "/v1/exempt"))
    found = Policies(api())
    assert find(found, "POST", "/v1/parcels") is None
    assert find(found, "GET", "/v1/parcels/1/labels") is None
    assert find(found, "GET", "/v1/exempt/first") is None
    assert find(found, "GET", "/v1/parcels-of-others") == found.default


def test_a_route_with_a_limit_of_its_own_has_it_also_below_an_exempt_path(declare: Declare) -> None:
    declare(LIMITS={"send_parcel": Limit("parcels.send", "7/minute")}, EXEMPT=("/v1",))
    found = Policies(api())
    assert find(found, "POST", "/v1/parcels") == Policy("parcels.send", 7, 60, 1, closed=False)
    assert find(found, "GET", "/v1/exempt/x") == Policy("parcels.exempt", 8, 60, 1, closed=False)
    assert find(found, "GET", "/v1/exempt/first") is None
    assert find(found, "POST", "/v1/exempt/x") is None


def test_the_default_has_its_rate_from_the_settings(declare: Declare) -> None:
    declare(LIMITS={"send_parcel": Limit("default", "7/minute")})
    with pytest.raises(FeatureError, match="LIMITS_DEFAULT"):
        Policies(api())


def test_a_function_without_a_route_is_an_error(declare: Declare) -> None:
    declare(LIMITS={"send_parcels": Limit("parcels.send")})
    with pytest.raises(FeatureError, match="send_parcels of 'parcels'"):
        Policies(api())


def test_one_name_with_two_rates_is_an_error(declare: Declare) -> None:
    declare()
    Policies(api(same_name_twice="9/minute"))
    with pytest.raises(FeatureError, match=r"parcels\.read has different rates"):
        Policies(api(same_name_twice="8/minute"))
