"""Addresses in templates and in Python."""

import re
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.core.features import FeatureError
from app.extensions.pages.template_check import check_templates
from tests.extensions.pages.conftest import HERE, Build


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("name", "there is no page teas:gone"),
        ("missing", "teas:tea has the values ['number'] in its path"),
        ("too_many", "teas:teas has the values [] in its path"),
        ("static", "there is no static file gone.css"),
        ("syntax", "Expected an expression"),
    ],
)
def test_a_wrong_address_fails_the_start(
    build: Build, teas: Path, template: str, message: str
) -> None:
    shutil.copy(HERE / "wrong" / f"{template}.html", teas / "templates" / "wrong.html")
    app = build()
    with pytest.raises(FeatureError, match=rf"wrong.html, line 2: .*{re.escape(message)}"):
        check_templates(app)


def test_the_templates_of_this_project_are_right(running_app: FastAPI) -> None:
    check_templates(running_app)


async def test_a_prefix_of_a_proxy_is_part_of_each_address(build: Build) -> None:
    transport = ASGITransport(build(), root_path="/shop")
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        page = (await client.get("/shop/teas")).text
    assert 'href="/shop/teas/7"' in page
    assert re.search(r'href="/shop/static/site\.\w+\.css"', page)


def test_pages_without_a_router_fail_the_start(build: Build, teas: Path) -> None:
    (teas / "pages.py").write_text("", encoding="utf-8")
    with pytest.raises(FeatureError, match=r"Feature 'teas': .* defines no `router`"):
        build()
