"""Request ids, access lines, security headers, allowed hosts and CORS."""

import json
import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import context
from app.core.features import load
from app.core.http.middleware import SECURITY_HEADERS, RequestGuard
from app.core.settings import get_settings
from tests.core.conftest import Build, ClientOf
from tests.support.logs import rendered
from tests.support.people import SignIn

LIVE = "/health/live"
ONLINE = {
    "ENVIRONMENT": "production",
    # Other features require more settings in production; their own tests set them.
    "FEATURES": "tasks,users",
    "SUPABASE_URL": "https://abc.supabase.co",
    "ALLOWED_HOSTS": "api.example.com, *.example.org",
}


def with_bug(app: FastAPI) -> FastAPI:
    def fail() -> None:
        raise RuntimeError

    app.add_api_route("/bug", fail)
    return app


@pytest.fixture
async def online(build: Build, client_of: ClientOf) -> AsyncIterator[AsyncClient]:
    """The API as deployed."""
    async with client_of(with_bug(build(**ONLINE))) as client:
        client.base_url = "https://api.example.com"
        yield client


@pytest.mark.parametrize("given", ["a" * 8, "a1-B2" * 4, "0" * 64])
async def test_a_valid_request_id_is_kept(client: AsyncClient, given: str) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-ID": given})
    assert answer.headers.get_list("x-request-id") == [given]
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    ["", "short", "a" * 65, "a b c d e f", "a=1 level=error", "id\tid\tid", "éééééééé"],
)
async def test_an_invalid_request_id_is_replaced(client: AsyncClient, given: str) -> None:
    answer = await client.get(LIVE, headers={b"X-Request-ID": given.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_each_request_gets_its_own_id(client: AsyncClient) -> None:
    ids = {(await client.get(LIVE)).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert context.request_id.get() is None


async def test_the_access_line(
    client: AsyncClient, sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    person = await sign_in()
    answer = await client.get("/api/v1/users/me?token=not-for-the-log", headers=person.headers)
    line = json.loads(rendered(caplog)[-1])
    expected = {
        "event": "request",
        "method": "GET",
        "path": "/api/v1/users/me",
        "status": 200,
        "request_id": answer.headers["x-request-id"],
        "user_id": str(person.id),
    }
    assert expected.items() <= line.items()
    assert line["ms"] > 0
    assert "not-for-the-log" not in str(line)
    # The context is cleared: the next line has no user.
    await client.get(LIVE)
    assert "user_id" not in json.loads(rendered(caplog)[-1])


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        (f"{LIVE}/", "evil.example.net", 400),
        (LIVE, "api.example.com", 200),
        ("/nowhere", "api.example.com", 404),
        ("/api/v1/users/me", "api.example.com", 401),
        ("/bug", "api.example.com", 500),
        ("/nowhere", "evil.example", 400),
    ],
)
async def test_every_response_has_the_security_headers(
    online: AsyncClient, path: str, host: str, status: int
) -> None:
    answer = await online.get(path, headers={"Host": host})
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [value]
    assert "max-age=63072000" in answer.headers["strict-transport-security"]
    assert "x-request-id" in answer.headers


async def test_there_is_no_hsts_on_a_developers_machine(client: AsyncClient) -> None:
    assert "strict-transport-security" not in (await client.get(LIVE)).headers


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.example.com:8000", True),
        ("api.example.com.", False),
        ("[api.example.com]evil.example.net", False),
        ("api.example.com:80@evil.example.net", False),
        ("api.example.com", True),
        ("API.example.com:8443", True),
        ("a.example.org", True),
        ("a.b.example.org", True),
        ("example.org", False),
        ("evilexample.org", False),
        ("api.example.com.evil.example", False),
        ("evil.example", False),
        ("[::1]", False),
        ("", False),
    ],
)
async def test_other_hosts_are_refused(online: AsyncClient, host: str, allowed: bool) -> None:
    answer = await online.get("/nowhere", headers={"Host": host})
    assert answer.json()["code"] == ("not_found" if allowed else "unknown_host")
    # Probes use the IP address.
    assert (await online.get(LIVE, headers={"Host": host})).status_code == 200


async def test_loopback_hosts_and_any_host(build: Build, client_of: ClientOf) -> None:
    async with client_of(build()) as local, client_of(build(ALLOWED_HOSTS="*")) as anywhere:
        for host in ("localhost:8000", "[::1]:8000", "127.0.0.1"):
            answer = await local.get("/nowhere", headers={"Host": host})
            assert answer.json()["code"] == "not_found"
        answer = await anywhere.get("/nowhere", headers={"Host": "evil.example"})
        assert answer.json()["code"] == "not_found"


PREFLIGHT = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization",
}


async def test_cors_headers_are_for_the_named_origins(build: Build, client_of: ClientOf) -> None:
    app = with_bug(build(CORS_ORIGINS="https://a.example"))
    async with client_of(app) as client:
        ours = {"Origin": "https://a.example"}
        preflight = await client.options("/api/v1/users/me", headers=ours | PREFLIGHT)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://a.example"
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "authorization"
        # Without these headers, a browser hides the error from its app.
        for path in (LIVE, "/api/v1/users/me", "/bug"):
            answer = await client.get(path, headers=ours)
            assert answer.headers["access-control-allow-origin"] == "https://a.example"
            assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers

        theirs = {"Origin": "https://b.example"}
        refused = await client.options("/api/v1/users/me", headers=theirs | PREFLIGHT)
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in (await client.get(LIVE, headers=theirs)).headers


async def test_cors_credentials_is_a_setting(build: Build, client_of: ClientOf) -> None:
    app = build(CORS_ORIGINS="https://a.example", CORS_CREDENTIALS="true")
    async with client_of(app) as client:
        answer = await client.get(LIVE, headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_without_origins_there_are_no_cors_headers(client: AsyncClient) -> None:
    answer = await client.get(LIVE, headers={"Origin": "https://a.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def read(scope: Scope, receive: Receive, _: Send) -> None:
        async for _part in Request(scope, receive).stream():
            pass

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    app = RequestGuard(read, get_settings())
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert "unexpected_error" not in caplog.text


async def test_the_middleware_of_a_feature_is_inside_of_the_others(
    build: Build, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        exposed_headers = ("X-Why",)

        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse("no", 418, {"X-Why": "full"})(scope, receive, send)

    given = {"middleware": (("parcels", Refusing),)}
    monkeypatch.setattr("app.main.load", lambda kind: given.get(kind) or load(kind))
    async with client_of(build(CORS_ORIGINS="https://a.example")) as client:
        answer = await client.get("/nowhere", headers={"Origin": "https://a.example"})
    assert answer.status_code == 418
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert exposed == ["X-Request-ID", "Retry-After", "X-Why"]


async def test_routes_have_urls_by_name(client: AsyncClient, app: FastAPI) -> None:
    """Starlette asks each route for its URL, also the one that serves exact paths."""
    assert app.url_path_for("live") == LIVE
