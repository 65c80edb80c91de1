"""`app setup`, `app clean` and `app nuke` change what they say, and nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from devstack import cli, housekeeping
from devstack.errors import DevStackError

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with work of people, data and what tools have made."""
    for name in (
        "app/__init__.py",
        "app/__pycache__/x.pyc",
        "app/features/items/__pycache__/x.pyc",
        ".mypy_cache/x",
        ".coverage",
        ".coveragerc",
        ".coverage.host.1",
        "coverage/index.html",
        ".venv/lib/__pycache__/x.pyc",
        ".dev/postgres/PG_VERSION",
        ".env",
        "backups/one.dump",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content")
    (tmp_path / ".gitignore").write_bytes((PROJECT / ".gitignore").read_bytes())
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    return tmp_path


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


WORK = {"app/__init__.py", ".coveragerc", ".env", "backups/one.dump", ".gitignore"}


def test_clean_deletes_what_tools_make(checkout: Path) -> None:
    assert housekeeping.clean(checkout) == 6
    kept = {".venv/lib/__pycache__/x.pyc", ".dev/postgres/PG_VERSION"}
    assert files(checkout) == WORK | kept
    assert housekeeping.clean(checkout) == 0


def test_a_link_to_a_folder_is_deleted_and_not_followed(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "report.html").write_text("content")
    shutil.rmtree(checkout / "coverage")
    (checkout / "coverage").symlink_to(elsewhere)
    housekeeping.clean(checkout)
    assert not (checkout / "coverage").exists()
    assert (elsewhere / "report.html").exists()


def test_git_ignores_everything_that_is_deleted(checkout: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    found = [str(path) for path in housekeeping._generated(checkout)]
    ignored = subprocess.run(
        ["git", "check-ignore", *found], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert ignored.stdout.splitlines() == found


def test_nuke_keeps_the_work_of_people(checkout: Path) -> None:
    cli.nuke(yes=True)
    assert files(checkout) - WORK <= {".dev/lock"}


def test_nuke_asks(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(checkout)
    with pytest.raises(BaseException, match="1"):
        cli.nuke()
    assert "--yes" in capsys.readouterr().err
    assert files(checkout) >= before


def test_setup_says_that_packages_are_missing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "UV", "false")
    (checkout / ".env").unlink()
    (checkout / ".env.example").write_bytes((PROJECT / ".env.example").read_bytes())
    with pytest.raises(DevStackError, match="packages"):
        housekeeping.setup(checkout)
    assert "SECRET_KEY=" in (checkout / ".env").read_text()
