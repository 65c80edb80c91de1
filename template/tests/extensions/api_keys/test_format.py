"""The text of a key."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from app.core.errors import UnauthenticatedError
from app.core.settings import BootSettings
from app.extensions.api_keys import key_format
from app.extensions.api_keys.settings import ApiKeySettings

PROJECT = Path(__file__).parents[3]


def test_the_parts_of_a_key() -> None:
    key = key_format.new_key("acme")
    assert re.fullmatch(r"acme_test_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", key)
    key_format.check(key)
    assert key_format.hash_of(key) == hashlib.sha256(key.encode()).digest()
    assert key_format.start_of(key) == key[: len("acme_test_") + 4]


def test_keys_differ() -> None:
    keys = {key_format.new_key("acme") for _ in range(1000)}
    assert len(keys) == 1000
    # Every character of the alphabet is possible at every place.
    places = zip(*(key.split("_")[2] for key in keys), strict=True)
    assert min(len(set(place)) for place in places) > 50


@pytest.mark.parametrize("place", range(len("acme_test_") + 43 + 1 + 6))
def test_one_wrong_character_is_noticed(place: int) -> None:
    key = key_format.new_key("acme")
    other = "b" if key[place] != "b" else "c"
    with pytest.raises(UnauthenticatedError) as refused:
        key_format.check(f"{key[:place]}{other}{key[place + 1 :]}")
    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    "change", [str.upper, lambda key: key[:-1], lambda key: f"{key}\n", "a".__add__]
)
def test_another_form_is_no_key(change: object) -> None:
    assert callable(change)
    with pytest.raises(UnauthenticatedError):
        key_format.check(change(key_format.new_key("acme")))


def test_a_key_of_another_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    live = BootSettings(environment="production")
    with monkeypatch.context() as patch:
        patch.setattr(key_format, "load_settings", lambda _: live)
        key = key_format.new_key("acme")
    assert key.startswith("acme_live_")
    with pytest.raises(UnauthenticatedError, match=r"another environment \(live\)"):
        key_format.check(key)


@pytest.mark.parametrize(
    ("token", "found"),
    [
        pytest.param(key_format.new_key("a1"), True, id="new"),  # random
        ("acme_live_cut", True),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln_live_nature", False),
        ("acme_other_x", False),
    ],
)
def test_keys_are_told_from_other_tokens(token: str, found: bool) -> None:
    assert key_format.looks_like_key(token) is found


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("Acme Billing", "acmebilling"),
        ("42 Shops", "shops"),
        ("An Extraordinarily Long Name", "anextraordinarilylon"),
        ("Ä", "app"),
        ("日本", "app"),
    ],
)
@pytest.mark.usefixtures("fresh_settings")
def test_the_prefix_comes_from_the_name_of_the_project(
    monkeypatch: pytest.MonkeyPatch, name: str, prefix: str
) -> None:
    monkeypatch.setenv("PROJECT_NAME", name)
    assert ApiKeySettings().key_prefix == prefix
    key_format.check(key_format.new_key(prefix))
    assert ApiKeySettings(prefix="acme").key_prefix == "acme"


def test_gitleaks_finds_keys_and_no_other_text() -> None:
    config = tomllib.loads((PROJECT / ".gitleaks.toml").read_text("utf-8"))
    rules = {rule["id"]: rule for rule in config["rules"]}
    rule = rules["api-key-of-this-project"]
    assert config["extend"] == {"useDefault": True}
    for prefix in ("ab", "a" * 20):
        key = key_format.new_key(prefix)
        text = f'TOKEN="{key}"\n'
        assert re.search(rule["regex"], text)[0] == key  # type: ignore[index]
        # gitleaks tries the rule on files that have one of these only.
        assert any(word in text for word in rule["keywords"])
    assert not re.search(rule["regex"], f"app_live_{'x' * 42}_{'y' * 6}")
    assert {f"_{each}_" for each in key_format.ENVIRONMENTS.values()} == set(rule["keywords"])
