"""The sign-in of Flower: the page is not served without a good password."""

import pytest
from typer.testing import CliRunner

from app.core.cli.errors import CliError
from app.core.settings import check_settings, load_settings
from app.extensions.flower.cli import cli
from app.extensions.flower.settings import FlowerSettings
from devstack import env


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWER_PASSWORD", "fifteen letters"),
        ("FLOWER_PASSWORD", "sixteen lettérs!"),
        ("FLOWER_PASSWORD", "a" * 40),
        ("FLOWER_USER", "a:b"),
        ("FLOWER_USER", "a b"),
    ],
)
def test_a_bad_sign_in_is_a_bad_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv(name, value)
    ((found, text),) = check_settings(FlowerSettings)
    assert found == name
    assert value not in text


def test_the_sign_in_of_the_dev_stack_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "FLOWER_PASSWORD" in str(result.exception)
