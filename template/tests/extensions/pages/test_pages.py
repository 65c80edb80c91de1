"""Pages, their parts for htmx, their errors and their headers."""

import re
import shutil
from pathlib import Path

import pytest

from app.core.http.problems import MEDIA_TYPE
from app.extensions.pages.accept import prefers_html
from tests.extensions.pages.conftest import BROWSER, HERE, Build, ClientOf

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


async def test_a_page_is_whole_and_for_htmx_its_block_alone(
    build: Build, client_of: ClientOf
) -> None:
    async with client_of(build()) as client:
        whole = await client.get("/teas", params={"search": "<i>"})
        part = await client.get("/teas", params={"search": "<i>"}, headers=PART)
        full = await client.get("/teas", headers=PART | {"HX-Request-Type": "full"})
    assert whole.text.startswith("<!doctype html>")
    assert part.text == '<b>&lt;i&gt;</b><a href="/teas/7">x</a>'
    assert part.text in whole.text
    assert full.text.startswith("<!doctype html>")
    assert whole.headers["vary"] == part.headers["vary"] == "HX-Request, HX-Request-Type"


async def test_pages_are_linked_and_not_in_the_schema_of_the_api(
    build: Build, client_of: ClientOf
) -> None:
    app = build()
    async with client_of(app) as client:
        page = (await client.get("/teas")).text
        front = await client.get("/")
    assert re.search(r'<a href="/teas" aria-current="page">Teas</a>', page)
    assert front.status_code == 200
    assert 'href="/teas"' in front.text
    assert not {"/teas", "/robots.txt", "/"} & set(app.openapi()["paths"])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/teas/1", 404, "tea_not_found"),
        ("/nothing", 404, "not_found"),
        ("/teas/x", 422, "invalid_request"),
        ("/teas/500", 500, "internal_error"),
    ],
)
async def test_an_error_is_a_page_for_browsers_and_a_problem_for_programs(
    build: Build, client_of: ClientOf, path: str, status: int, code: str
) -> None:
    async with client_of(build()) as client:
        page = await client.get(path)
        problem = await client.get(path, headers={"Accept": "*/*"})
        posted = await client.post(path)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f'data-code="{code}"' in page.text
    assert "Content-Security-Policy".lower() in page.headers
    assert page.headers["x-request-id"] in page.text
    assert "secret" not in page.text
    assert "<1>" not in page.text
    assert (problem.status_code, problem.headers["content-type"]) == (status, MEDIA_TYPE)
    assert problem.json()["code"] == code
    if path.startswith("/teas"):
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET")


async def test_a_body_above_the_limit_is_refused_with_a_page(
    build: Build, client_of: ClientOf
) -> None:
    async with client_of(build(MAX_BODY_BYTES="70000")) as client:
        page = await client.post("/teas", content=b"x" * 70_001)
        problem = await client.post("/api/v1/teas", content=b"x" * 70_001)
    assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert 'data-code="content_too_large"' in page.text
    assert page.headers["connection"] == "close"
    assert "nonce" in page.headers["content-security-policy"]
    assert (problem.status_code, problem.headers["content-type"]) == (413, MEDIA_TYPE)


async def test_the_api_answers_browsers_with_problems(build: Build, client_of: ClientOf) -> None:
    async with client_of(build()) as client:
        answer = await client.get("/api/v1/nothing")
    assert answer.headers["content-type"] == MEDIA_TYPE


async def test_a_feature_has_an_error_page_of_its_own_and_one_that_fails_is_a_sentence(
    build: Build, client_of: ClientOf, teas: Path
) -> None:
    shutil.copytree(HERE / "mine", teas / "templates" / "errors")
    async with client_of(build()) as client:
        own, broken = await client.get("/teas/1"), await client.get("/teas/x")
    assert own.text == "Mine: There is no tea &lt;1&gt;."
    assert broken.status_code == 422
    assert broken.text == "The request has wrong or unknown values."


async def test_scripts_need_the_nonce_of_their_response(build: Build, client_of: ClientOf) -> None:
    async with client_of(build()) as client:
        first, second = await client.get("/teas"), await client.get("/teas")
    for answer in (first, second):
        policy = answer.headers["content-security-policy"]
        (nonce,) = re.findall(r"script-src 'nonce-([\w-]{22})';", policy)
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert scripts
        assert all(f'nonce="{nonce}"' in script for script in scripts)
        assert "unsafe" not in policy
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script[^>]*>[^<]", answer.text)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]


async def test_crawlers_are_admitted_in_production_only(build: Build, client_of: ClientOf) -> None:
    production = {
        "ENVIRONMENT": "production",
        "FEATURES": "pages,teas,tasks,users",
        "SUPABASE_URL": "https://abc.supabase.co",
        "ALLOWED_HOSTS": "testserver, example.com",
        "PAGES_URL": "https://example.com",
    }
    app = build()
    async with client_of(app) as client:
        assert (await client.get("/robots.txt")).text == "User-agent: *\nDisallow: /\n"
    async with client_of(build(**production)) as client:
        robots = (await client.get("/robots.txt")).text
        sitemap = await client.get("/sitemap.xml")
        page = (await client.get("/teas")).text
    assert robots.splitlines()[1:] == [
        "Disallow: /api/v1/",
        "Sitemap: https://example.com/sitemap.xml",
    ]
    assert sitemap.headers["content-type"] == "application/xml"
    assert re.findall("<loc>(.*?)</loc>", sitemap.text) == [
        "https://example.com/",
        "https://example.com/teas/1",
        "https://example.com/a&amp;b",
    ]
    assert '<meta property="og:url" content="https://example.com/teas">' in page


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER["Accept"], True),
        ("text/html", True),
        ("text/html;q=0.9, application/json", False),
        ("text/html, application/json;q=0.5", True),
        ("text/html;q=0", False),
        ("text/html;level=1;q=0.5, application/json;q=0.9", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_browser_is_known_by_what_it_accepts(accept: str, expected: bool) -> None:
    assert prefers_html(accept) is expected
