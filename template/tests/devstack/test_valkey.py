"""The embedded Valkey."""

from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import server
from devstack.errors import DevStackError
from devstack.valkey import Valkey
from tests.devstack.processes import commands


def test_data_survives_a_kill(tmp_path: Path) -> None:
    first = Valkey(tmp_path / "with space" / "data").start()
    assert first.process is not None
    with Redis.from_url(first.url) as client:
        client.set("answer", 42)
    first.process.kill()
    first.process.wait()
    with Valkey(first.data_dir) as second, Redis.from_url(second.url) as client:
        assert client.get("answer") == b"42"


def test_a_password_is_required_and_not_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Valkey(tmp_path / "data") as running:
        assert running.process is not None
        assert running.password not in commands()[running.process.pid]
        once = Retry(NoBackoff(), 0)
        with Redis(port=running.port, retry=once) as client, pytest.raises(AuthenticationError):
            client.ping()
        monkeypatch.setattr(server, "ORPHAN_SECONDS", 0)
        with pytest.raises(DevStackError, match=rf"\b{running.process.pid}\b"):
            Valkey(tmp_path / "data").start()


def test_a_wrong_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_REDIS_BIN", "no-such-program")
    with pytest.raises(DevStackError, match=r"DEV_REDIS_BIN.*no-such-program"):
        Valkey(tmp_path / "data").start()


def test_a_failed_start_shows_the_log(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(DevStackError, match="out of luck"):
        Valkey(tmp_path / "data", program=program).start()
