"""Static files: names, headers, and the folder of the image."""

import hashlib
from pathlib import Path

import pytest
from httpx import AsyncClient
from typer.testing import CliRunner

from app.extensions.pages import assets
from app.extensions.pages.cli import cli
from tests.extensions.pages.conftest import Build, ClientOf

# Of `dist/htmx.min.js` in the npm package htmx.org, version 4.0.1.
HTMX = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
STYLE = "p { color: teal }\n"


def test_htmx_is_the_file_of_its_release() -> None:
    file = Path(assets.__file__).parent / "static" / "htmx.min.js"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == HTMX


async def test_a_file_with_its_hash_is_kept_for_a_year(build: Build, client_of: ClientOf) -> None:
    app = build()
    path = str(app.url_path_for("static", path="teas/tea.css"))
    digest = hashlib.sha256(STYLE.encode()).hexdigest()[:12]
    assert path == f"/static/teas/tea.{digest}.css"
    async with client_of(app) as client:
        hashed = await client.get(path)
        assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
        for other in ("/static/teas/tea.css", "/static/teas/tea.000000000000.css"):
            answer = await client.get(other)
            assert (answer.text, answer.headers["cache-control"]) == (STYLE, "no-cache"), other
        known = await client.get(path, headers={"If-None-Match": hashed.headers["etag"]})
        assert known.status_code == 304
        assert (await client.head(path)).status_code == 200
        assert (await client.post(path)).status_code == 405
    assert hashed.headers["content-type"].startswith("text/css")


def test_a_file_that_changes_has_another_name_at_once(build: Build, teas: Path) -> None:
    app = build()
    before = app.url_path_for("static", path="teas/tea.css")
    (teas / "static/teas/tea.css").write_text("p {}")
    assert app.url_path_for("static", path="teas/tea.css") != before


async def test_the_file_of_a_feature_replaces_that_of_the_template(
    build: Build, client_of: ClientOf, teas: Path
) -> None:
    (teas / "static/site.css").write_text(STYLE)
    async with client_of(build()) as client:
        assert (await client.get("/static/site.css")).text == STYLE


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/gone.css", "/static/..%2Fpages.py", "/static/teas", "/static/%00"],
    ids=["nothing", "unknown", "outside", "folder", "nul"],
)
async def test_nothing_else_is_served(build: Build, client_of: ClientOf, path: str) -> None:
    async with client_of(build()) as client:
        assert (await client.get(path)).status_code == 404


async def test_the_collected_files_are_served_with_their_compressed_copies(
    build: Build, client_of: ClientOf, teas: Path, tmp_path: Path
) -> None:
    (teas / "static/teas/tea.png").write_text("x")
    build()
    folder = tmp_path / "collected"
    assert CliRunner().invoke(cli, ["collect", str(folder)]).exit_code == 0
    assert not {"tea.css", "tea.png"} & {path.name for path in folder.rglob("*")}
    (teas / "static/teas/tea.css").write_text("changed")

    app = build(PAGES_STATIC_FOLDER=str(folder))
    path = str(app.url_path_for("static", path="teas/tea.css"))
    async with client_of(app) as client:
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        zipped = await client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        refused = await client.get(path, headers={"Accept-Encoding": "gzip;q=0, *"})
        image = await client.get(str(app.url_path_for("static", path="teas/tea.png")))
    assert plain.text == zipped.text == STYLE
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["content-type"].startswith("text/css")
    assert plain.headers["vary"] == zipped.headers["vary"] == "Accept-Encoding"
    assert "vary" not in image.headers


def test_a_folder_with_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert CliRunner().invoke(cli, ["collect", str(tmp_path)]).exit_code == 1


async def test_the_front_page_loads_every_file_that_it_names(client: AsyncClient) -> None:
    page = (await client.get("/", headers={"Accept": "text/html"})).text
    for path in {part.partition('"')[0] for part in page.split('="/static')[1:]}:
        assert (await client.get(f"/static{path}")).status_code == 200
