"""Certificates are verified with CAs that a process reads once."""

import ssl

import pytest

from app.core.http_client import authorities
from app.core.settings import get_settings
from app.core.supabase.clients import Supabase


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
