"""The built application behind all routes: what it answers, and what it leaves to the API."""

import json
from pathlib import Path

import httpx
import pytest

from app.core.features import FeatureError
from app.core.settings import get_settings, load_settings

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "assets/entry-Ab12.js"


def write_build(folder: Path, base: str = "/") -> Path:
    """A build as `app web build` leaves it."""
    client = folder / "client"
    (client / "assets").mkdir(parents=True)
    (client / "index.html").write_text("<p>page</p>")
    (client / "index.html.br").write_text("brotli page")
    (client / "icon.svg").write_text("<svg/>")
    (client / SCRIPT).write_text("script")
    (client / f"{SCRIPT}.gz").write_text("gzip script")
    (client / f"{SCRIPT}.br").write_text("brotli script")
    (folder / "policy.json").write_text(json.dumps({"base": base, "scripts": ["sha256-abc="]}))
    (folder / "maps").mkdir()
    (folder / "maps/entry.js.map").write_text("source")
    return folder


def client_of(folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """A client of the API with this build. No service is needed to send a file."""
    if folder:
        monkeypatch.setenv("FRONTEND_FOLDER", str(folder))
        load_settings.cache_clear()
    from app.main import create_app

    transport = httpx.ASGITransport(create_app(), raise_app_exceptions=False)
    headers = {"Accept-Encoding": "identity"}
    return httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers)


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> httpx.AsyncClient:
    # Another path than the root, which the pages of other features may have.
    return client_of(write_build(tmp_path, "/site/"), monkeypatch)


@pytest.mark.parametrize("path", ["/site/", "/site/items", "/site/items/1?x=2", "/site/api/nope"])
async def test_every_path_of_the_application_gets_the_page(
    site: httpx.AsyncClient, path: str
) -> None:
    answer = await site.get(path, headers=HTML)
    assert answer.status_code == 200
    assert answer.text == "<p>page</p>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_policy_allows_the_scripts_of_the_build_and_supabase_only(
    site: httpx.AsyncClient,
) -> None:
    policy = (await site.get("/site/")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'sha256-abc='"
    assert rules["connect-src"] == f"'self' {get_settings().supabase_url}"
    assert rules["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nope",
        "/api/nope",
        "/health/nope",
        "/nope",
        "/site/nope.txt",
        "/site/assets/old.js",
        "/site/policy.json",
        "/site/../policy.json",
        "/site/%2e%2e/maps/entry.js.map",
    ],
)
async def test_other_paths_stay_problems(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(path, headers={"Accept": "application/json, text/html;q=0.1"})
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


async def test_nothing_but_a_page_view_gets_the_page(site: httpx.AsyncClient) -> None:
    assert (await site.post("/site/items", headers=HTML)).status_code in (404, 405)
    json_only = {"Accept": "application/json"}
    assert (await site.get("/site/items", headers=json_only)).json()["code"] == "not_found"
    head = await site.head("/site/items", headers=HTML)
    assert (head.status_code, head.text) == (200, "")


async def test_files_with_a_hash_are_kept_by_caches_and_others_are_not(
    site: httpx.AsyncClient,
) -> None:
    script = await site.get(f"/site/{SCRIPT}")
    assert script.text == "script"
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"].startswith("text/javascript")
    icon = await site.get("/site/icon.svg")
    assert (icon.text, icon.headers["cache-control"]) == ("<svg/>", "no-cache")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", None)],
)
async def test_the_smallest_copy_that_a_client_accepts(
    site: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    async with site.stream("GET", f"/site/{SCRIPT}", headers={"Accept-Encoding": accepted}) as got:
        raw = b"".join([part async for part in got.aiter_raw()])
    assert got.headers.get("content-encoding") == encoding
    assert got.headers["vary"] == "Accept-Encoding"
    name = {"br": "brotli script", "gzip": "gzip script", None: "script"}[encoding]
    assert raw.decode() == name
    assert got.headers["content-type"].startswith("text/javascript")


async def test_an_unchanged_page_is_not_sent_again(site: httpx.AsyncClient) -> None:
    first = await site.get("/site/")
    again = await site.get("/site/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # Otherwise a browser applies the policy for answers of the API to the page that it has kept.
    name = "content-security-policy"
    assert again.headers[name] == first.headers[name]


async def test_the_path_without_its_last_slash_leads_to_the_application(
    site: httpx.AsyncClient,
) -> None:
    answer = await site.get("/site", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (308, "/site/")


async def test_at_the_root_it_takes_no_path_of_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    site = client_of(write_build(tmp_path), monkeypatch)
    assert (await site.get("/teas/assam", headers=HTML)).text == "<p>page</p>"
    assert (await site.get("/health/live")).json()
    for path in ("/api", "/api/v1/nope", "/health/nope", "/docs/nope"):
        assert (await site.get(path, headers=HTML)).status_code == 404, path


async def test_without_a_folder_only_the_api_is_served(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    site = client_of(None, monkeypatch)
    assert (await site.get("/site/items", headers=HTML)).status_code == 404


def test_a_folder_without_a_build_fails_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    with pytest.raises(FeatureError, match="app web build"):
        client_of(tmp_path, monkeypatch)
    (write_build(tmp_path / "half") / "client/index.html").unlink()
    with pytest.raises(FeatureError, match=r"no index\.html"):
        client_of(tmp_path / "half", monkeypatch)
