"""Settings that are gone but still set are named with their cure, at the start and by doctor."""

import re
import tomllib
from pathlib import Path

import pytest

from app.core import process as process_module
from app.core.cli.doctor import _settings
from app.core.cli.errors import DoubtfulError
from app.core.process import process
from app.core.settings import retired
from app.core.settings.retired import LIST, retired_settings
from tests.support.logs import rendered

ENTRIES = """
[OLD_NAME]
since = "2.0.0"
renamed_to = "NEW_NAME"

[GONE]
since = "2.1.0"
cure = "write it differently."

[COMMON]
since = "2.1.0"
in_file = true
"""


@pytest.fixture(autouse=True)
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of three settings, and an `.env` that sets none of them; returns its path."""
    (tmp_path / "retired.toml").write_text(ENTRIES)
    monkeypatch.setattr(retired, "LIST", tmp_path / "retired.toml")
    env = tmp_path / ".env"
    env.write_text("KEPT=1\nOLD_NAME=\n")
    monkeypatch.setattr(retired, "ENV_FILES", (str(env),))
    for name in ("OLD_NAME", "GONE", "COMMON"):
        monkeypatch.delenv(name, raising=False)
    return env


def test_nothing_is_said_if_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONE", "")
    # Another program may use the name.
    monkeypatch.setenv("COMMON", "1")
    assert retired_settings() == []


def test_file_and_environment_are_read(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed.write_text("export old_name=1\nCOMMON=1\n")
    monkeypatch.setenv("GONE", "1")
    found = dict(retired_settings())
    assert list(found) == ["OLD_NAME", "GONE", "COMMON"]
    assert "2.0.0" in found["OLD_NAME"]
    assert "NEW_NAME" in found["OLD_NAME"]
    assert found["GONE"].endswith("write it differently.")


def test_start_warns_and_a_command_does_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "load", lambda _: ())
    monkeypatch.setenv("GONE", "hunter2")
    with process("command"):
        assert rendered(caplog) == []
    for kind in ("api", "worker", "beat"):
        caplog.clear()
        with process(kind):
            (line,) = rendered(caplog)
        assert "retired_setting" in line
        assert "GONE" in line
        assert "hunter2" not in line


def test_doctor_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "complete" in _settings()
    monkeypatch.setenv("GONE", "1")
    with pytest.raises(DoubtfulError, match="GONE"):
        _settings()


def test_list_of_the_template_is_complete() -> None:
    """Each entry says since when and what to do, and is no setting of today."""
    example = Path(".env.example").read_text(encoding="utf-8")
    today = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    for name, entry in tomllib.loads(LIST.read_text(encoding="utf-8")).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["since"]), name
        assert name not in today
        assert ("renamed_to" in entry) != ("cure" in entry), name
        assert entry.get("renamed_to") in {None, *today}
