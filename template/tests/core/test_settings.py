"""Settings: one message names every problem and holds no secret."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from app.core.features import features, load, load_all_settings
from app.core.settings import (
    PUBLIC_DEMO_KEYS,
    FeatureSettings,
    SettingsError,
    check_settings,
    load_settings,
)
from app.extensions.users.settings import UserSettings
from app.settings import Settings

PROJECT = Path(__file__).parents[2]
GOOD_ONLINE = {
    "ENVIRONMENT": "production",
    "SUPABASE_URL": "https://abc.supabase.co",
    "ALLOWED_HOSTS": "api.example.com",
}


pytestmark = pytest.mark.usefixtures("fresh_settings")


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A complete production environment, which a test then changes."""
    for name, value in GOOD_ONLINE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def from_file(path: Path) -> type[Settings]:
    """The project's settings with `path` instead of `.env`."""

    class FromFile(Settings):
        model_config = SettingsConfigDict(env_file=path)

    return FromFile


def test_everything_missing_and_wrong_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SUPABASE_PUBLISHABLE_KEY"):
        monkeypatch.delenv(name)
    # An empty value counts as missing.
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "")
    for name, value in (
        ("SECRET_KEY", "hunter2"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("USER_APPROVAL", "never"),
        ("DB_POOL_SIZE", "many"),
    ):
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_all_settings()

    lines = dict(line.split(maxsplit=1) for line in str(caught.value).splitlines()[1:-1])
    wrong = {name for name, text in lines.items() if text.startswith("is wrong")}
    missing = {name for name, text in lines.items() if text.startswith("is missing.")}
    assert missing == {"DATABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY"}
    assert wrong == {"SECRET_KEY", "REDIS_URL", "USER_APPROVAL", "DB_POOL_SIZE"}
    assert "secrets.token_urlsafe" in lines["SECRET_KEY"]
    assert "redis://:password@host:6379/0" in lines["REDIS_URL"]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "prod"),
        ("DB_SCHEMA", "App-1"),
        ("MAX_BODY_BYTES", "1"),
        ("CELERY_TIME_LIMIT", "3600"),
        ("API_PREFIX", "api/v1/"),
        ("LOG_LEVEL", "loud"),
        ("SUPABASE_URL", "abc.supabase.co"),
        ("SUPABASE_JWT_SECRET", "x" * 31),
        ("STORAGE_BUCKET", "My Files"),
        ("USER_HOOK_SECRETS", "hunter2"),
        ("DATABASE_URL", "mysql://me@127.0.0.1/app"),
    ],
)
def test_a_wrong_value_is_named_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    problems = check_settings(Settings, UserSettings)
    assert [problem[0] for problem in problems] == [name]


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("PROJECT_NAME=Zürich\nDB_SCHEMA=other\nUNKNOWN=1\n", encoding="utf-8")
    monkeypatch.setenv("DB_SCHEMA", "app")
    settings = from_file(path)()
    assert (settings.project_name, settings.db_schema) == ("Zürich", "app")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.touch(mode=0o000)
    if os.geteuid() == 0:
        # root may read any file; reading this one always fails.
        path.unlink()
        path.symlink_to("/proc/self/mem")
    assert [name for name, _ in check_settings(from_file(path))] == [".env"]


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes("PROJECT_NAME=Zürich\n".encode("latin-1"))
    assert [name for name, _ in check_settings(from_file(path))] == [".env"]


def run_without_settings(folder: Path, *command: str) -> list[str]:
    """Run a command that must fail; return the names in its message."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, *lines, _ = done.stderr.splitlines()
    assert first.startswith("Error: ")
    return [line.split()[0] for line in lines]


def test_a_bad_file_stops_the_command_line_with_the_one_message(tmp_path: Path) -> None:
    # Models read the settings when they are imported.
    (tmp_path / ".env").write_bytes(b"PROJECT_NAME=\xff\n")
    assert run_without_settings(tmp_path, "app", "routes") == [".env"]


def test_missing_settings_stop_the_server_with_the_one_message(tmp_path: Path) -> None:
    assert "SECRET_KEY" in run_without_settings(tmp_path, "uvicorn", "app.main:app")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOW_TRACEBACKS", "true"),
        ("EXTRA_FEATURES", "devstack.devpage.recorder"),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "localhost,127.0.0.1"),
        ("ALLOWED_HOSTS", "*"),
        ("REDIS_URL", "rediss://redis.example.com:6379/0?ssl_cert_reqs=none"),
        ("SUPABASE_URL", "http://abc.supabase.co"),
        ("SECRET_KEY", "changeme" * 5),
        ("SUPABASE_SECRET_KEY", "postgres"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "staging"])
def test_values_that_production_refuses(
    online: pytest.MonkeyPatch, environment: str, name: str, value: str
) -> None:
    online.setenv("ENVIRONMENT", environment)
    assert check_settings(Settings) == []
    online.setenv(name, value)
    assert [found for found, _ in check_settings(Settings)] == [name]


def test_cookies_from_any_origin_are_refused(online: pytest.MonkeyPatch) -> None:
    online.setenv("CORS_ORIGINS", "*")
    assert check_settings(Settings) == []
    online.setenv("CORS_CREDENTIALS", "true")
    assert [name for name, _ in check_settings(Settings)] == ["CORS_ORIGINS"]


@pytest.mark.parametrize("value", sorted(PUBLIC_DEMO_KEYS))
def test_published_demo_values_are_refused(online: pytest.MonkeyPatch, value: str) -> None:
    for name in (
        "SECRET_KEY",
        "SUPABASE_PUBLISHABLE_KEY",
        "SUPABASE_SECRET_KEY",
        "SUPABASE_JWT_SECRET",
    ):
        with online.context() as patch:
            patch.setenv(name, value)
            assert name in {found for found, _ in check_settings(Settings)}


def test_a_feature_has_production_checks_too(online: pytest.MonkeyPatch) -> None:
    class Mail(FeatureSettings):
        model_config = SettingsConfigDict(env_prefix="MAIL_")

        def production_problems(self) -> Iterator[tuple[str, str]]:
            yield "MAIL_HOST", "name it."

    online.setenv("SHOW_TRACEBACKS", "true")
    with pytest.raises(SettingsError, match=r"SHOW_TRACEBACKS .*\n +MAIL_HOST +name it\."):
        load_settings(Settings, Mail)
    online.setenv("ENVIRONMENT", "local")
    assert check_settings(Mail) == []


def test_common_names_do_not_stop_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "express:*")  # of other programs
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    assert Settings().log_level == "info"


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("ALLOWED_HOSTS", "")
    settings = Settings()
    assert settings.cors_origins == ["https://a.example", "https://b.example"]
    assert "localhost" in settings.allowed_hosts


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_hush")
    settings = Settings()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "sb_secret_hush" not in shown
    assert settings.secret_key.get_secret_value() not in shown
    assert isinstance(settings.supabase_secret_key, SecretStr)


def test_the_default_issuer_follows_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co/")
    assert Settings().jwt_issuer == "https://abc.supabase.co/auth/v1"
    monkeypatch.setenv("SUPABASE_JWT_ISSUER", "https://auth.example.com/auth/v1")
    assert Settings().jwt_issuer == "https://auth.example.com/auth/v1"


def test_features_narrow_what_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"users", "tasks"} <= {feature.name for feature in features()}
    monkeypatch.setenv("FEATURES", "users")
    load.cache_clear()
    load_settings.cache_clear()
    try:
        assert [feature.name for feature in features()] == ["users"]
        assert [feature.name for feature, _ in load("routes")] == ["users"]
    finally:
        load.cache_clear()


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({"REDIS_URL": "redis://h:6379/0"}, "redis://h:6379/0"),
        ({"REDIS_URL": "rediss://h:6379/0"}, "rediss://h:6379/0?ssl_cert_reqs=required"),
        (
            {"REDIS_URL": "rediss://h:6379/0", "REDIS_CA_CERT": "/etc/my ca.pem"},
            "rediss://h:6379/0?ssl_cert_reqs=required&ssl_ca_certs=%2Fetc%2Fmy+ca.pem",
        ),
        (
            {"REDIS_URL": "rediss://h:6379/0?ssl_cert_reqs=none"},
            "rediss://h:6379/0?ssl_cert_reqs=none",
        ),
    ],
)
def test_a_redis_with_tls_is_verified_unless_the_address_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], address: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings(Settings).redis_address == address
