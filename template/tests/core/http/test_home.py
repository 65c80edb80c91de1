"""The home page of a developer's machine."""

import re

import pytest

from app.core.features import load
from app.core.http.home import POLICY
from app.core.http.problems import MEDIA_TYPE
from tests.core.conftest import Build, ClientOf

LOCAL = {"ENVIRONMENT": "local", "SUPABASE_URL": "http://127.0.0.1:54321/"}
DOCS = {"/docs", "/scalar"}
SUPABASE = {"http://127.0.0.1:54321/", "http://127.0.0.1:54321/mails"}


def linked(html: str) -> set[str]:
    return set(re.findall(r'<a href="([^"]+)"', html))


def of_features() -> set[str]:
    return {address for _, links in load("links") for address in links.values()}


async def test_the_page_links_to_what_runs_and_to_nothing_else(
    build: Build, client_of: ClientOf
) -> None:
    async with client_of(build(**LOCAL)) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert linked(answer.text) == DOCS | SUPABASE | of_features() | {"/health/ready"}


async def test_features_that_are_not_loaded_have_no_link(build: Build, client_of: ClientOf) -> None:
    async with client_of(build(**LOCAL, FEATURES="users")) as client:
        page = (await client.get("/")).text
    assert linked(page) == DOCS | SUPABASE | {"/health/ready"}


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"DOCS_ENABLED": "false"}, DOCS),
        ({"SUPABASE_URL": "https://abc.supabase.co"}, SUPABASE),
        # The stack of the Supabase CLI, which serves neither page.
        ({"SUPABASE_PUBLISHABLE_KEY": "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH"}, SUPABASE),
    ],
)
async def test_what_is_not_served_has_no_link(
    build: Build, client_of: ClientOf, settings: dict[str, str], missing: set[str]
) -> None:
    async with client_of(build(**LOCAL | settings)) as client:
        page = (await client.get("/")).text
    assert linked(page) == (DOCS | SUPABASE | of_features() | {"/health/ready"}) - missing


async def test_the_page_loads_nothing_and_escapes_names(build: Build, client_of: ClientOf) -> None:
    name = "<script>alert('1')</script> & \"co\""
    async with client_of(build(**LOCAL, PROJECT_NAME=name)) as client:
        answer = await client.get("/")
    assert answer.headers.get_list("content-security-policy") == [POLICY]
    assert "script-src" not in POLICY
    assert "unsafe-inline" not in POLICY
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt; &amp; &quot;co&quot;" in answer.text
    assert not re.search(r"(?:src|url)\s*[=(]", answer.text)


async def test_head_is_answered_and_the_schema_says_nothing(
    build: Build, client_of: ClientOf
) -> None:
    app = build(**LOCAL)
    async with client_of(app) as client:
        assert (await client.head("/")).status_code == 200
        assert (await client.post("/")).status_code == 405
    assert "/" not in app.openapi()["paths"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_other_environments_have_no_home_page(
    build: Build, client_of: ClientOf, method: str
) -> None:
    online = {
        "ENVIRONMENT": "production",
        "FEATURES": "tasks,users",
        "SUPABASE_URL": "https://abc.supabase.co",
        "ALLOWED_HOSTS": "testserver, api.example.com",
    }
    for settings in (online, {"ENVIRONMENT": "test", "FEATURES": "tasks,users"}):
        async with client_of(build(**settings)) as client:
            answer = await client.request(method, "/")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == MEDIA_TYPE
        if method == "GET":
            assert answer.json()["code"] == "not_found"
