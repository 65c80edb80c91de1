"""Passwords and keys appear in no log, response or output, whatever goes wrong."""

import io
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from app.core.http.middleware import RequestGuard
from app.core.logging import configure_logging
from app.core.settings import SettingsError, get_settings, load_settings
from app.settings import Settings
from devstack.ports import free_port
from tests.core.conftest import ClientOf
from tests.support.canaries import canaries, told
from tests.support.processes import PROJECT, SECONDS, eventually, running

ROUTES = (("GET", "/health/ready"), ("POST", "/probe/task"), ("POST", "/probe/send"))


def address(name: str, password: str, **parts: str) -> str:
    """Return the address of a service with another password."""
    url = urlsplit(os.environ[name])
    host = f"{url.username or ''}:{password}@{url.hostname}:{parts.pop('port', url.port)}"
    return url._replace(netloc=host, **parts).geturl()


def test_settings_that_are_printed_hide_their_secrets() -> None:
    assert told(f"{get_settings()!r} {get_settings()}", *canaries()) == []


def test_an_address_that_cannot_be_parsed_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: None
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:canary/canary@127.0.0.1:1/0")
    with pytest.raises(SettingsError, match="REDIS_URL") as refused:
        load_settings(Settings)
    assert told(str(refused.value), "canary") == []


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_traceback_has_no_local_variables(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    app = FastAPI()
    app.add_middleware(RequestGuard, settings=get_settings())

    @app.get("/")
    def fail() -> None:
        password = "canary".upper()
        raise RuntimeError(len(password))

    logs = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", logs)
        configure_logging(get_settings().model_copy(update={"log_format": log_format}))
        answer = await client_of(app).get("/")
    configure_logging(get_settings())
    assert answer.status_code == 500
    assert "RuntimeError" in logs.getvalue()
    assert told(logs.getvalue() + answer.text, "CANARY") == []


def test_a_report_of_celery_has_no_secrets() -> None:
    from app.worker import celery

    assert "broker_url" in celery.bugreport()
    assert told(celery.bugreport(), *canaries()) == []


@pytest.mark.slow
async def test_processes_without_their_services_tell_no_secrets(tmp_path: Path) -> None:
    """The database and Redis refuse the passwords; the Redis of the worker does not answer."""
    password = "canary%2Fof%40a%3Apassword"
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SUPABASE_SECRET_KEY": f"sb_secret_{secrets.token_urlsafe(16)}",
        "SUPABASE_JWT_SECRET": secrets.token_urlsafe(48),
    }
    environment = keys | {
        "DATABASE_URL": address("DATABASE_URL", password, path="/missing"),
        "MIGRATION_DATABASE_URL": address("DATABASE_URL", password),
        "REDIS_URL": address("REDIS_URL", password),
        "LOG_FORMAT": "console",
        "LOG_LEVEL": "debug",
        "DEBUG": "true",
    }
    dead = environment | {"REDIS_URL": address("REDIS_URL", password, port=str(free_port()))}
    port = free_port()
    api = ("uvicorn", "tests.core.probe_api:app", f"--port={port}", "--log-level=debug")
    worker = ("celery", "-A", "app.worker", "worker", "--loglevel=debug")
    schedule = f"--schedule={tmp_path / 'schedule'}"
    beat = ("celery", "-A", "app.worker", "beat", schedule, "--loglevel=debug", "--pidfile=")
    with (
        running(*api, stop=signal.SIGKILL, **environment) as serving,
        running(*worker, stop=signal.SIGKILL, **dead) as working,
    ):
        outputs = [output(*each, **environment) for each in (("app", "doctor"), beat)]
        assert "password authentication failed" in outputs[0]
        assert "invalid username-password pair" in outputs[1]

        async def waits() -> bool:
            return "Cannot connect" in working.said() and "startup complete" in serving.said()

        await eventually(waits, serving, working)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            for method, path in ROUTES:
                outputs.append((await client.request(method, path)).text)
        for text in (*outputs, serving.said(), working.said()):
            assert told(text, password, *keys.values()) == []


def output(*command: str, **environment: str) -> str:
    """Return what a process prints until it ends, or for some seconds."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            return process.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0]
