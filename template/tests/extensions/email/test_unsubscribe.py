"""Links of mails, and the preferences of users."""

import re
from urllib.parse import urlsplit

import jwt
import pytest
from httpx import AsyncClient
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.settings import get_settings, load_settings
from app.extensions.email import delivery, service
from app.extensions.email.models import MailState, Preference
from app.extensions.email.schemas import PRODUCT
from app.extensions.email.signing import AUDIENCE, preferences_url
from devstack.inbox import InboxServer
from tests.extensions.email.shop import news, report, shipped
from tests.support.people import SignIn

ADA = "ada@example.com"


def path(url: str) -> str:
    return urlsplit(url).path


async def test_a_mail_can_be_unsubscribed_with_one_click(
    client: AsyncClient, session: AsyncSession, server: InboxServer
) -> None:
    record = await service.send(session, news(ADA))
    await delivery.deliver(session, record.id)
    (mail,) = server.inbox
    link = mail.message["List-Unsubscribe"].strip("<>")
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in mail.html
    assert link in mail.text
    # A scanner opens the link, and nothing changes.
    page = await client.get(path(link))
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await service.send(session, news(ADA))).state is MailState.QUEUED
    # What Gmail and Yahoo send.
    content = b"List-Unsubscribe=One-Click"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post(path(link), content=content, headers=headers)).status_code == 200
    assert (await service.send(session, news(ADA))).state is MailState.SUPPRESSED
    assert (await service.send(session, news("bob@example.com"))).state is MailState.QUEUED


async def test_other_mails_have_no_such_link(session: AsyncSession, server: InboxServer) -> None:
    record = await service.send(session, shipped(ADA))
    await delivery.deliver(session, record.id)
    (mail,) = server.inbox
    assert mail.message["List-Unsubscribe"] is None
    assert "unsubscribe" not in mail.html.lower()


def boxes(html: str) -> dict[str, str]:
    """The categories of the shop on the page; other options have further ones."""
    found = dict(re.findall(r'value="(\w+)" (checked)?', html))
    return {name: found[name] for name in ("product", "reports")}


async def test_the_page_saves_the_choices(client: AsyncClient, session: AsyncSession) -> None:
    link = path(preferences_url(ADA, "product"))
    html = (await client.get(link)).text
    assert boxes(html) == {"product": "checked", "reports": ""}
    answer = await client.post(f"{link}/preferences", data={"wanted": "reports"})
    assert answer.status_code == 303
    html = (await client.get(answer.headers["location"])).text
    assert boxes(html) == {"product": "", "reports": "checked"}
    assert (await service.send(session, report(ADA))).state is MailState.QUEUED
    for body in ({"files": {"wanted": "product"}}, {"json": {"wanted": "product"}}, {}):
        answer = await client.post(f"{link}/preferences", **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (415, "form_required")
    assert (await service.send(session, report(ADA))).state is MailState.QUEUED
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    await client.post(f"{link}/preferences", headers=headers)
    assert "Saved." not in (await client.get(link, params={"saved": "zzz"})).text
    assert (await service.send(session, report(ADA))).state is MailState.SUPPRESSED


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_forged_link(client: AsyncClient, method: str) -> None:
    key = get_settings().secret_key.get_secret_value()
    claims = {"aud": AUDIENCE, "sub": ADA, "category": "product"}
    forged = [
        jwt.encode(claims, "another key that is long enough, too", "HS256"),
        jwt.encode(claims | {"aud": "admin"}, key, "HS256"),
        jwt.encode({"aud": AUDIENCE}, key, "HS256"),
        jwt.encode(claims, "", "none"),
        "x",
    ]
    for token in forged:
        answer = await client.request(method, f"/api/v1/email/unsubscribe/{token}")
        assert (answer.status_code, answer.json()["code"]) == (404, "link_not_valid")


async def test_users_choose(client: AsyncClient, sign_in: SignIn, session: AsyncSession) -> None:
    person = await sign_in()
    url = "/api/v1/email/preferences"
    assert (await client.get(url)).status_code == 401
    found = (await client.get(url, headers=person.headers)).json()
    wanted = {each["category"]: each["wanted"] for each in found}
    assert (wanted["product"], wanted["reports"]) == (True, False)
    put = await client.put(f"{url}/product", json={"wanted": False}, headers=person.headers)
    assert {"category": "product", "label": PRODUCT.label, "wanted": False} in put.json()
    assert (await service.send(session, news(person.email))).state is MailState.SUPPRESSED
    for category, on in (("moon", True), ("moon", False), ("x" * 60, False)):
        change = {"wanted": on}
        put = await client.put(f"{url}/{category}", json=change, headers=person.headers)
        assert (put.status_code, put.json()["code"]) == (404, "category_not_found")


async def test_the_link_of_a_category_that_is_gone(
    client: AsyncClient, session: AsyncSession
) -> None:
    assert (await client.post(path(preferences_url(ADA, "gone")))).status_code == 200
    choice = await session.get(Preference, (ADA, "gone"))
    assert choice is not None
    assert not choice.wanted


async def test_a_link_of_the_previous_key_works_until_the_key_is_removed(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    link = f"/api/v1/email/unsubscribe/{preferences_url(ADA, 'product').rpartition('/')[2]}"
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", get_settings().secret_key.get_secret_value())
    monkeypatch.setenv("SECRET_KEY", "another key " * 4)
    for status in (200, 404):
        load_settings.cache_clear()
        assert (await client.get(link, follow_redirects=True)).status_code == status
        monkeypatch.delenv("SECRET_KEY_PREVIOUS", raising=False)
