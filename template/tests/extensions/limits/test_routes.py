"""Each route of the project has a limit, or is exempt by name."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from httpx import AsyncClient
from starlette.routing import Match, Mount

from app.core.features import FeatureError
from app.extensions.limits.deps import Limit
from app.extensions.limits.policies import WEBSOCKET, Policies
from tests.extensions.limits.conftest import client_of, limited_api

EXEMPT = re.compile(
    r"/health/\w+|/docs(/.*)?|/scalar|/openapi\.json|/api/v1/webhooks/.+|/(admin|static)(/.*)?"
)
SAMPLE = "0197f2d4-0000-7000-8000-000000000000"


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and an example path of every route, as FastAPI itself knows them."""
    for route in iter_route_contexts(app.routes):
        if route.path is None:
            continue
        path = re.sub(r"\{[^}]+\}", SAMPLE, route.path)
        if isinstance(route.original_route, Mount):
            yield "GET", f"{path}/anything"
            continue
        for method in getattr(route, "methods", None) or [WEBSOCKET]:
            yield method, path


async def test_each_answer_names_its_limit_or_the_path_is_exempt_by_name(
    limited_app: FastAPI,
) -> None:
    found = [each for each in routes(limited_app) if each[0] != WEBSOCKET]
    assert len(found) > 20
    for number, (method, path) in enumerate(found):
        # Each from an address of its own, so that none is at its limit.
        async with client_of(limited_app, f"198.51.100.{number % 250}") as client:
            answer = await client.request(method, path)
        is_limited = "ratelimit" in answer.headers and "ratelimit-policy" in answer.headers
        assert is_limited != bool(EXEMPT.fullmatch(path)), (method, path, answer.status_code)


async def test_the_limit_is_that_of_the_route_which_is_served(limited_app: FastAPI) -> None:
    policies: Policies = limited_app.state.limiter.policies
    by_route = {(method, path): policy for method, path, policy in policies.routes}
    for method, path in routes(limited_app):
        kind = "websocket" if method == WEBSOCKET else "http"
        scope = {"type": kind, "path": path, "root_path": "", "headers": []}
        scope |= {} if method == WEBSOCKET else {"method": method}
        served = next(
            (
                each
                for each in iter_route_contexts(limited_app.routes)
                if each.path is not None and each.matches(scope)[0] is Match.FULL
            ),
            None,
        )
        assert served is not None, path
        if not isinstance(served.original_route, Mount):
            assert policies.find(scope) == by_route[method, str(served.path)], path


async def test_a_prefix_of_the_server_is_not_part_of_the_path(limited_app: FastAPI) -> None:
    policies: Policies = limited_app.state.limiter.policies
    scope = {"type": "http", "method": "GET", "path": "/v9/health/live", "root_path": "/v9"}
    assert policies.find(scope) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"LIMITS_RATES": "probe.name=1/minute"}, r"LIMITS_RATES names probe\.name,.*probe\.named"),
        ({"LIMITS_RATES": "probe.named"}, "LIMITS_RATES"),
        ({"LIMITS_RATES": "probe.named=often"}, "LIMITS_RATES"),
        ({"LIMITS_RATES": "default=5/minute"}, "LIMITS_DEFAULT"),
        ({"LIMITS_DEFAULT": "0/minute"}, "LIMITS_DEFAULT"),
        ({"LIMITS_TIERS": "free=-1"}, "LIMITS_TIERS"),
    ],
)
async def test_a_wrong_setting_fails_the_start(environment: dict[str, str], message: str) -> None:
    with pytest.raises((FeatureError, ValueError), match=message):
        async with limited_api(**environment):
            pass


async def test_settings_replace_rates_and_factors() -> None:
    environment = {
        "LIMITS_RATES": "probe.named=10 per 5 seconds, probe.costly=20/hour",
        "LIMITS_TIERS": "anonymous=0.5",
    }
    async with limited_api(**environment) as app, client_of(app) as client:
        named = await client.get("/probe/inner/named")
        assert named.headers["ratelimit-policy"] == '"probe.named";q=5;w=5'
        costly = await client.get("/probe/inner/costly")
        assert costly.headers["ratelimit-policy"] == '"probe.costly";q=10;w=3600'


async def test_without_limits_nothing_is_counted(client: AsyncClient) -> None:
    assert "ratelimit" not in (await client.get("/api/v1/users/me")).headers


@pytest.mark.parametrize("name", ["", "Upload", "reports/render", "a b", "reports."])
def test_a_name_fits_into_headers_and_settings(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Limit(name)


def test_a_cost_is_positive() -> None:
    with pytest.raises(ValueError, match="cost"):
        Limit("reports.render", cost=0)
