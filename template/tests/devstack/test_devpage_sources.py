"""The development page says where the value of a setting comes from."""

from pathlib import Path

import pytest

from app.core.settings import groups
from devstack.devpage.recorder import sources


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("TOLD_BY_STACK", "app dev"),
        ("ONLY_IN_STACK_FILE", "app dev"),
        ("IN_BOTH_FILES", ".env"),
        ("IN_ALL", "environment"),
        ("EMPTY", "default"),
        ("NOWHERE", "default"),
    ],
)
def test_the_source_of_a_setting_is_the_one_that_counts(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dev").mkdir()
    (tmp_path / sources.STACK).write_text(
        "TOLD_BY_STACK=a\nONLY_IN_STACK_FILE=a\nIN_BOTH_FILES=a\nIN_ALL=a\nEMPTY=\n"
    )
    (tmp_path / ".env").write_text("IN_BOTH_FILES=b\nIN_ALL=b\nEMPTY=\n")
    for variable, value in {"TOLD_BY_STACK": "a", "IN_ALL": "c", "EMPTY": ""}.items():
        monkeypatch.setenv(variable, value)
    # The tests themselves read no file, whatever a dev stack in the same folder writes.
    assert sources.finder()("ONLY_IN_STACK_FILE") == "default"
    monkeypatch.setattr(groups, "ENV_FILES", (sources.STACK, ".env"))
    assert sources.finder()(name) == source
