"""The command `release`, and the promise that paths and answers of a release stay."""

import tarfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from launcher import release as module
from launcher.errors import LauncherError
from launcher.public import last_release, unmigrated
from launcher.release import EXAMPLES, check
from support.commands import run
from support.editing import append, edit
from support.rendering import render, tree
from support.snapshot import ROOT, commit
from support.trimming import trim

# A folder that is not there: nothing is fetched from it, and nothing pushed to it.
URL = "https://git.example.com/acme/template.git"


def test_names_of_the_last_release_are_kept_or_migrated() -> None:
    last = last_release(ROOT) if (ROOT / ".git").exists() else None
    if last:
        assert unmigrated(ROOT, last) == []


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Path:
    """A small template on main without a tag, with an address."""
    folder = tmp_path / "template"
    run(["git", "clone", "--quiet", "--no-tags", str(template), str(folder)], tmp_path)
    run(["git", "checkout", "--quiet", "-B", "main"], folder)
    run(["git", "remote", "set-url", "origin", URL], folder)
    trim(folder)
    edit(folder / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- It.\n")
    commit(folder, "Only the files that these tests need")
    run(["git", "tag", "--force", "v9.0.0rc1"], folder)  # a pre-release counts for nothing
    return folder


def released(repository: Path, version: str) -> str:
    """Run the command; returns its output."""
    app = typer.Typer()
    app.command()(module.release)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHECKOUT", repository)
        result = CliRunner().invoke(app, [version, "--skip-tests"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_release_cuts_tags_and_writes_examples(repository: Path, tmp_path: Path) -> None:
    output = released(repository, "1.0.0")

    assert run(["git", "describe"], repository) == "v1.0.0\n"
    assert run(["git", "cat-file", "-t", "v1.0.0"], repository) == "tag\n"
    message = run(["git", "tag", "--list", "--format=%(contents)", "v1.0.0"], repository)
    assert "### Fixed\n\n- It.\n" in message
    assert run(["git", "status", "--porcelain"], repository) == ""
    changelog = (repository / "CHANGELOG.md").read_text("utf-8")
    head, _, rest = changelog.partition("## [Unreleased]\n\n## [1.0.0] - 20")
    assert "- It." not in head
    assert "- It." in rest
    assert '\nversion = "1.0.0"\n' in (repository / "pyproject.toml").read_text("utf-8")
    assert "git push origin main v1.0.0" in output

    for preset in EXAMPLES:
        file = repository / f"dist/v1.0.0/{preset}-v1.0.0.tar.gz"
        with tarfile.open(file) as archive:
            archive.extractall(tmp_path / preset, filter="data")
        folder = tmp_path / f"fresh-{preset}/demo"
        fresh = tree(render(repository, folder, {"preset": preset}, "v1.0.0"))
        example = tree(tmp_path / preset / "demo")
        answers = example.pop(".copier-answers.yml").replace(URL.encode(), str(repository).encode())
        assert answers == fresh.pop(".copier-answers.yml")
        assert example == fresh
    before = file.read_bytes()
    module.write_examples(repository, "v1.0.0", file.parent)
    assert file.read_bytes() == before

    with pytest.raises(LauncherError, match="Unreleased"):
        check(repository, "1.0.1")


def test_failed_examples_leave_no_tag(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = run(["git", "rev-parse", "HEAD"], repository)

    def fail(*_: object) -> None:
        raise LauncherError("no space left")

    monkeypatch.setattr(module, "render", fail)
    with pytest.raises(LauncherError):
        released(repository, "1.0.0")
    assert run(["git", "rev-parse", "HEAD"], repository) == head
    assert run(["git", "tag"], repository) == "v9.0.0rc1\n"


def test_checks_before_a_release(repository: Path, tmp_path: Path) -> None:
    def refused(version: str) -> str:
        with pytest.raises(LauncherError) as error:
            check(repository, version)
        return str(error.value)

    assert check(repository, "1.0.0").startswith("### Fixed")
    assert "v1.0" in refused("v1.0")
    assert "retired.toml" in refused("0.9.0")
    (repository / "notes").touch()
    assert "uncommitted" in refused("1.0.0")
    (repository / "notes").unlink()
    run(["git", "tag", "v1.1.0"], repository)
    assert "v1.1.0" in refused("1.1.0")
    assert "v1.1.0" in refused("1.0.5")
    check(repository, "1.1.1")
    run(["git", "checkout", "--quiet", "-b", "other"], repository)
    assert "other" in refused("1.2.0")
    assert "checkout" in refused_elsewhere(tmp_path)


def refused_elsewhere(folder: Path) -> str:
    with pytest.raises(LauncherError) as error:
        check(folder, "1.0.0")
    return str(error.value)


MIGRATIONS = """
_migrations:
  - version: v2.0.0
    when: "{{ _stage == 'before' }}"
    command: ["{{ _copier_python }}", "{{ _copier_conf.src_path }}/migrations/v2.py"]
"""


def test_removed_names_demand_a_migration_and_a_major_version(repository: Path) -> None:
    run(["git", "tag", "v1.0.0"], repository)
    (repository / "template/app/core/new.py").touch()
    commit(repository, "A file")
    with pytest.raises(LauncherError, match=r"1\.1\.0"):
        check(repository, "1.0.1")
    check(repository, "1.1.0")

    (repository / "template/Procfile.jinja").unlink()
    edit(repository / "copier.yml", "    MIT: MIT\n", "")
    assert unmigrated(repository, "v1.0.0") == ["Procfile", "license=MIT"]
    (repository / "migrations").mkdir()
    (repository / "migrations/v2.py").write_text('GONE = ["Procfile", "license=MIT"]\n')
    assert unmigrated(repository, "v1.0.0")  # nothing runs the script
    append(repository / "copier.yml", MIGRATIONS)
    assert unmigrated(repository, "v1.0.0") == []
    commit(repository, "Without them")
    with pytest.raises(LauncherError, match=r"2\.0\.0"):
        check(repository, "1.1.0")
    check(repository, "2.0.0")

    run(["git", "tag", "v2.0.0"], repository)
    (repository / "template/Dockerfile.jinja").unlink()
    (repository / "migrations/v2.py").write_text('GONE = ["Procfile", "license=MIT"]\n')
    assert unmigrated(repository, "v2.0.0") == ["Dockerfile"]
