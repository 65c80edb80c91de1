"""The sign-in of Flower: none, a short or a guessable one keeps the page from being served."""

import pytest
from typer.testing import CliRunner

from app.core.cli.errors import CliError
from app.core.settings import check_settings, load_settings
from app.extensions.flower.cli import cli
from app.extensions.flower.settings import FlowerSettings
from devstack import env


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("FLOWER_PASSWORD", "fifteen letters", "at least 16"),
        ("FLOWER_PASSWORD", "sixteen lettérs!", "ASCII alone"),
        ("FLOWER_PASSWORD", "a" * 40, "is guessable: make a random one."),
        ("FLOWER_USER", "a:b", "no space, no colon"),
        ("FLOWER_USER", "a b", "no space, no colon"),
    ],
)
def test_a_bad_sign_in_is_a_bad_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv(name, value)
    ((found, text),) = check_settings(FlowerSettings)
    assert found == name
    assert problem in text
    assert value not in text


def test_the_sign_in_that_the_dev_stack_makes_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    made = env.fresh_secrets()
    for name in ("FLOWER_USER", "FLOWER_PASSWORD"):
        monkeypatch.setenv(name, made[name])
    assert check_settings(FlowerSettings) == []
    assert env.fresh_secrets()["FLOWER_PASSWORD"] != made["FLOWER_PASSWORD"]


def test_without_a_password_it_does_not_start() -> None:
    load_settings.cache_clear()
    result = CliRunner().invoke(cli, [])
    assert isinstance(result.exception, CliError)
    assert str(result.exception).startswith("FLOWER_PASSWORD is not set: give it 16 random")
