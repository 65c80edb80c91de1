"""Certificates are verified with CAs that a process reads once; no proxy for this machine."""

import ssl

import httpx
import pytest

from app.core.http_client import authorities, client_options
from app.core.settings import get_settings
from app.core.supabase.clients import Supabase
from devstack.supabase import LocalSupabase
from tests.support.hostile import OF_OTHERS


def test_certificates_and_their_names_are_verified() -> None:
    assert authorities().verify_mode is ssl.CERT_REQUIRED
    assert authorities().check_hostname
    assert authorities().get_ca_certs()


async def test_a_client_does_not_read_the_cas_again(monkeypatch: pytest.MonkeyPatch) -> None:
    authorities()

    def read(*_: object, **__: object) -> None:
        pytest.fail("read again")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", read)
    async with Supabase(get_settings()) as project:
        assert not project.http.is_closed


async def test_no_proxy_is_used_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, supabase: LocalSupabase
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, OF_OTHERS[name])
    async with httpx.AsyncClient(**client_options()) as client:
        assert (await client.get(supabase.url)).status_code == 200
        with pytest.raises(httpx.ConnectError):  # of the proxy, which is dead
            await client.get("http://example.invalid")
