"""The inbox: mails by SMTP, shown on a page."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from devstack.inbox import InboxServer
from devstack.inbox.store import KEPT, Inbox


@pytest.fixture(scope="module")
def server() -> Iterator[InboxServer]:
    with InboxServer() as server:
        yield server


@pytest.fixture
def page(server: InboxServer) -> Iterator[httpx.Client]:
    server.handler.reset()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def send(server: InboxServer, subject: str = "Grüße", html: str = "<head></head>Hi") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", subject
    mail.set_content("The text")
    mail.add_alternative(html, subtype="html")
    mail.add_attachment(b"\x00\x01", "application", "pdf", filename="a.pdf")
    with smtplib.SMTP("127.0.0.1", server.smtp_port) as client:
        client.send_message(mail)


def test_a_mail_is_listed_shown_and_deleted(server: InboxServer, page: httpx.Client) -> None:
    assert page.get("/mails").json() == []
    send(server)
    send(server, "Second")
    second, first = page.get("/mails").json()
    assert (first["subject"], first["to"], first["attachments"]) == ("Grüße", ["b@example.com"], 1)
    url = f"/mails/{first['id']}"
    details = page.get(url).json()
    assert details["text"].strip() == "The text"
    assert details["files"] == [{"name": "a.pdf", "media_type": "application/pdf"}]
    assert b"Subject: =?utf-8?" in page.get(f"{url}/source").content
    assert page.get(f"{url}/files/0").content == b"\x00\x01"
    assert page.get(f"{url}/files/1").status_code == 404
    assert page.delete(url).status_code == 204
    assert page.get(url).status_code == 404
    assert page.delete("/mails").status_code == 204
    assert page.get("/mails").json() == []
    assert second["id"] > first["id"]


def test_a_mail_runs_no_script_and_opens_links_in_a_tab(
    server: InboxServer, page: httpx.Client
) -> None:
    send(server, html="<head></head><script>alert(1)</script><a href='https://example.com'>x</a>")
    answer = page.get(f"/mails/{page.get('/mails').json()[0]['id']}/html")
    policy = answer.headers["content-security-policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")
    assert "sandbox allow-popups" in policy
    assert '<base target="_blank">' in answer.text


def test_the_page_is_for_this_machine(server: InboxServer, page: httpx.Client) -> None:
    assert "<h1>Mails" in page.get("/").text
    assert page.get("/", headers={"host": "evil.example.com"}).status_code == 400


def test_old_mails_are_dropped() -> None:
    inbox = Inbox()
    for _ in range(KEPT + 2):
        inbox.add("a", ("b",), b"")
    assert [mail.id for mail in inbox][:1] == [3]
    assert len(inbox) == KEPT
