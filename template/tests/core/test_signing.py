"""Signatures by SECRET_KEY, and by the one before while it is replaced."""

import secrets
from collections.abc import Callable

import jwt
import pytest

from app.core import signing
from app.core.settings import check_settings, get_settings, load_settings
from app.settings import Settings

pytestmark = pytest.mark.usefixtures("fresh_settings")

OLD, NEW = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
Switch = Callable[..., None]


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Read the settings with other keys: `switch(NEW, OLD)`."""

    def switch(key: str, previous: str | None = None) -> None:
        monkeypatch.setenv("SECRET_KEY", key)
        monkeypatch.delenv("SECRET_KEY_PREVIOUS", raising=False)
        if previous:
            monkeypatch.setenv("SECRET_KEY_PREVIOUS", previous)
        load_settings.cache_clear()

    return switch


def test_a_replaced_key_verifies_until_it_is_removed(switch: Switch) -> None:
    switch(OLD)
    keys = signing.keys("test")
    text, token = signing.sign(keys, "x"), jwt.encode({"sub": "x"}, keys[0], signing.ALGORITHM)

    switch(NEW, OLD)
    keys = signing.keys("test")
    assert signing.is_signed(keys, "x", text)
    assert signing.read_token(keys, token) == {"sub": "x"}
    # The new key signs.
    assert signing.sign(keys, "x") != text
    newer = signing.sign(keys, "x")

    switch(NEW)
    keys = signing.keys("test")
    assert not signing.is_signed(keys, "x", text)
    assert signing.is_signed(keys, "x", newer)
    with pytest.raises(jwt.InvalidSignatureError):
        signing.read_token(keys, token)


def test_each_purpose_has_its_own_keys(switch: Switch) -> None:
    switch(NEW, OLD)
    assert len({*signing.keys("one"), *signing.keys("two")}) == 4
    assert not signing.is_signed(signing.keys("two"), "x", signing.sign(signing.keys("one"), "x"))


@pytest.mark.parametrize("signature", ["", "0" * 64, "ß", "x" * 10_000])
def test_a_forged_signature(signature: str) -> None:
    assert not signing.is_signed(signing.keys("test"), "x", signature)


def test_a_token_of_the_previous_key_that_is_not_valid_for_another_reason(switch: Switch) -> None:
    switch(NEW, OLD)
    token = jwt.encode({"aud": "other"}, signing.keys("test")[1], signing.ALGORITHM)
    with pytest.raises(jwt.InvalidAudienceError):
        signing.read_token(signing.keys("test"), token, audience="mine")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS"])
def test_production_refuses_a_key_that_is_easy_to_guess(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv(name, "ab" * 24)
    assert (name, "is easy to guess: generate a random one.") in check_settings(Settings)


def test_without_a_previous_key_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", "")
    assert get_settings().secret_keys == (get_settings().secret_key.get_secret_value().encode(),)
