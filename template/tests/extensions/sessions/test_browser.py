"""The cookie of a browser, and the token of its forms."""

import secrets
from types import SimpleNamespace

import pytest
from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from app.core.settings import get_settings, load_settings
from app.extensions.sessions.service import browser
from app.extensions.sessions.service.browser import Browser


def request_with(cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "state": {}})


def sent(request: Request) -> list[str]:
    """The cookies that the response sets."""
    headers = MutableHeaders()
    browser.add_cookies(headers, request.scope)
    return headers.getlist("set-cookie")


def test_online_the_cookie_is_sent_over_tls_only_and_belongs_to_this_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browser, "get_settings", lambda: SimpleNamespace(cookies_need_tls=True))
    request = request_with()
    assert browser.csrf_token(request)
    (cookie,) = sent(request)
    assert cookie.startswith("__Host-session=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_two_middlewares_send_a_cookie_once() -> None:
    request = request_with()
    browser.csrf_token(request)
    assert (len(sent(request)), len(sent(request))) == (1, 0)


def test_a_browser_with_a_cookie_gets_no_other_one() -> None:
    request = request_with("session=known")
    token = browser.csrf_token(request)
    assert sent(request) == []
    assert Browser("known", is_new=False).accepts(token)
    assert not Browser("another", is_new=False).accepts(token)


@pytest.mark.usefixtures("fresh_settings")
def test_a_form_that_was_loaded_before_the_key_was_replaced_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, known = get_settings().secret_key.get_secret_value(), Browser("secret", is_new=False)
    token = known.csrf_token
    monkeypatch.setenv("SECRET_KEY", secrets.token_urlsafe(48))
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", old)
    load_settings.cache_clear()
    assert Browser("secret", is_new=False).csrf_token != token
    assert known.accepts(token)
    monkeypatch.delenv("SECRET_KEY_PREVIOUS")
    load_settings.cache_clear()
    assert not known.accepts(token)
