"""The commands `new` and `update`: their results and their errors."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from launcher import machine, source
from launcher.errors import LauncherError
from launcher.notes import notes_between
from scripts.matrix import questions
from support.commands import attempt, run
from support.rendering import render, tree
from support.snapshot import TAG, commit
from support.terminal import terminal
from support.trimming import trim

network = pytest.mark.network


def command(name: str, template: Path) -> list[str]:
    """The command `new` or `update` with the launcher of the snapshot."""
    code = f"import sys; sys.path.insert(0, {str(template)!r})\n"
    return [sys.executable, "-c", f"{code}from launcher.{name} import main; main()"]


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A project that `new --defaults` created, with stdout and stderr of the command."""
    folder = tmp_path_factory.mktemp("launcher")
    result = attempt([*command("new", template), "deep/my-shop", "--defaults"], folder)
    assert result.returncode == 0, result.stderr
    return folder / "deep/my-shop", result.stdout, result.stderr


@network
def test_new_creates_a_committed_locked_project(made: tuple[Path, str, str]) -> None:
    project, stdout, stderr = made
    assert run(["git", "status", "--porcelain"], project) == ""
    assert run(["git", "log", "--format=%s|%an|%D"], project).strip() == (
        "Start from the template|Test Person|HEAD -> main"
    )
    assert "uv.lock" in run(["git", "ls-files"], project).splitlines()
    assert stdout.split("\n")[-3:] == ["  cd deep/my-shop", "  uv run app dev", ""]
    assert stderr.count("✓") == 3
    assert [path.name for path in project.parent.iterdir()] == ["my-shop"]


@network
def test_new_in_the_current_folder_names_no_other(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-shop"
    folder.mkdir()
    result = attempt([*command("new", template), ".", "--defaults"], folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "my-shop is ready. Next:\n\n  uv run app dev"


@network
def test_new_takes_defaults_from_the_machine(made: tuple[Path, str, str]) -> None:
    answers = yaml.safe_load((made[0] / ".copier-answers.yml").read_text("utf-8"))
    assert answers["project_name"] == "My Shop"
    assert answers["author_name"] == "Test Person"
    assert answers["author_email"] == "person@example.com"
    assert answers["_commit"] == TAG


@network
def test_new_works_without_a_git_identity(template: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    result = attempt(
        [*command("new", template), "shop", "--defaults", "--data", "author_name=Ada"],
        tmp_path,
        GIT_CONFIG_GLOBAL=str(tmp_path / "empty"),
    )
    assert result.returncode == 0, result.stderr
    assert "user.email" in result.stderr
    author = run(["git", "log", "--format=%an <%ae>"], tmp_path / "shop").strip()
    assert author == "Ada <project@localhost>"


@network
def test_new_asks_at_a_terminal(template: Path, tmp_path: Path) -> None:
    """Every question is shown. Enter accepts the default; text is added to that of the name."""
    with terminal([*command("new", template), "shop"], tmp_path) as shown:
        for name, question in questions().items():
            # Only the first words: the terminal cuts long questions.
            shown.read_until(question["help"][:30])
            shown.press(b" Two\r" if name == "project_name" else b"\r")
        shown.read_until("uv run app dev")
        assert shown.process.wait(60) == 0
    answers = yaml.safe_load((tmp_path / "shop/.copier-answers.yml").read_text("utf-8"))
    assert answers["project_name"] == "Shop Two"
    assert answers["project_slug"] == "shop-two"
    assert answers["author_name"] == "Test Person"


@pytest.mark.parametrize("name", ["new", "copier"])
def test_ctrl_c_at_a_question_writes_nothing(name: str, template: Path, tmp_path: Path) -> None:
    copier = [sys.executable, "-m", "copier", "copy", str(template)]
    program = copier if name == "copier" else command(name, template)
    with terminal([*program, "shop"], tmp_path, columns=80) as shown:
        for text in ("project", "short name", "What does"):
            shown.read_until(text)
            shown.press(b"\r" if text != "What does" else b"\x03")
        assert shown.process.wait(60) == 1
        shown.read_until("Cancelled" if name == "new" else "stopped by user")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["shop", "--defaults", "-d", "project_slug=Shop"], "Error: project_slug "),
        (["shop", "--defaults", "-d", "licence=MIT"], "Error: licence "),
        (["shop", "--defaults", "-d", "preset=maximal"], "Error: preset "),
        (["shop", "--defaults", "-d", "project_name"], "Error: --data project_name "),
        (["shop"], "--defaults"),
        (["used", "--defaults"], "/used "),
        (["file", "--defaults"], "/file "),
        (["file/shop", "--defaults"], "/file "),
        (["shop", "--defaults", "--vcs-ref", "v0.0.404"], "v0.0.404"),
        (["/", "--defaults"], "Error: / "),
    ],
)
def test_new_refuses_with_a_message_and_writes_nothing(
    arguments: list[str], named: str, template: Path, tmp_path: Path
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used/notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    result = attempt([*command("new", template), *arguments], tmp_path)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert named in last
    assert "Traceback" not in result.stderr
    assert tree(tmp_path) == {"used/notes.txt": b"mine", "file": b"mine"}
    assert {path.name for path in tmp_path.iterdir()} == {"used", "file"}


def test_new_without_network_writes_nothing(template: Path, tmp_path: Path) -> None:
    result = attempt(
        [*command("new", template), "work/shop", "--defaults"],
        tmp_path,
        UV_OFFLINE="1",
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("Error: uv ")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("name", ["new", "update"])
def test_missing_git_is_an_error(name: str, template: Path, tmp_path: Path) -> None:
    result = attempt([*command(name, template), "shop"], tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: git ")
    assert result.stderr.count("\n") == 1


def test_machine_defaults_are_fixed_commands_and_may_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for expression in yaml.safe_load(machine.defaults_file().read_text("utf-8")).values():
        # One literal and one filter: no value becomes part of the command.
        assert re.fullmatch(r"\{\{ '[^'{}]*2>/dev/null' \| shell\(timeout=5\) \}\}", expression)
    machine.machine_defaults.cache_clear()
    (tmp_path / "empty").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", "/nowhere:/bin")
    monkeypatch.chdir(tmp_path)
    found = machine.machine_defaults()
    machine.machine_defaults.cache_clear()
    assert found == {}


def test_dirty_checkout_renders_a_commit_that_exists(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "template"
    shutil.copytree(template, folder)
    from_checkout = source._from_checkout  # noqa: SLF001
    assert from_checkout(folder, None) == source.Source(str(folder))
    run(["git", "tag", "--delete", *run(["git", "tag"], folder).split()], folder)
    head = run(["git", "rev-parse", "HEAD"], folder).strip()
    assert from_checkout(folder, None) == source.Source(str(folder), head)
    (folder / "template/new-file").touch()
    dirty = from_checkout(folder, None)
    assert (dirty.ref, dirty.note is None) == (head, False)
    included = from_checkout(folder, "HEAD")
    assert (included.ref, included.note is None) == ("HEAD", False)
    shutil.rmtree(folder / ".git")
    assert from_checkout(folder, None).note
    run(["git", "init", "--quiet"], folder)
    with pytest.raises(LauncherError):
        from_checkout(folder, None)


@network
def test_launcher_runs_from_a_git_address(template: Path, tmp_path: Path) -> None:
    address = f"git+file://{template}"
    result = attempt(["uvx", "--from", f"{address}@{TAG}", "new", "shop", "--defaults"], tmp_path)
    assert result.returncode == 0, result.stderr
    answers = yaml.safe_load((tmp_path / "shop/.copier-answers.yml").read_text("utf-8"))
    assert (answers["_src_path"], answers["_commit"]) == (address, TAG)
    assert answers["author_name"] == "Test Person"


@pytest.fixture
def project(template: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A committed project, and its template with a newer version and update notes."""
    versions = tmp_path / "template"
    run(["git", "clone", "--quiet", str(template), str(versions)], tmp_path)
    trim(versions)
    commit(versions, "Only the files that these tests need", TAG)
    folder = render(versions, tmp_path / "shop")
    run(["git", "init", "--quiet"], folder)
    commit(folder, "Start from the template")
    main = versions / "template/app/main.py"
    main.write_text(main.read_text("utf-8") + "\n# Theirs.\n", "utf-8")
    changelog = versions / "CHANGELOG.md"
    changelog.write_text(
        changelog.read_text("utf-8")
        + "\n## [9999.1.0] - 2099-01-01\n\n### Update notes\n\nSet [BRAVERY] first.\n",
        "utf-8",
    )
    commit(versions, "A newer version", "v9999.1.0")
    return folder, versions


def test_update_shows_the_notes_and_the_next_steps(
    project: tuple[Path, Path], template: Path
) -> None:
    folder, _ = project
    result = attempt([*command("update", template), "--defaults"], folder)
    assert result.returncode == 0, result.stderr
    assert f"{TAG} → v9999.1.0" in result.stderr
    assert "Update notes, 9999.1.0 - 2099-01-01" in result.stderr
    assert "Set [BRAVERY] first." in result.stderr
    assert "Unreleased" not in result.stderr
    assert "uv run app db upgrade" in result.stderr
    assert (folder / "app/main.py").read_text("utf-8").endswith("# Theirs.\n")


def test_copier_names_the_folder_of_a_relative_destination(
    project: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, versions = project
    copier = [sys.executable, "-m", "copier"]
    updated = attempt([*copier, "update", "--defaults"], folder)
    assert f"Updating {folder}.\n" in updated.stderr
    new = tmp_path / "here"
    new.mkdir()
    copied = attempt([*copier, "copy", "--defaults", str(versions), "."], new)
    assert f" is ready in {new}. " in copied.stderr


def test_update_names_files_with_conflicts(project: tuple[Path, Path], template: Path) -> None:
    folder, _ = project
    main = folder / "app/main.py"
    main.write_text(main.read_text("utf-8") + "\n# Ours.\n", "utf-8")
    commit(folder, "Ours")
    result = attempt([*command("update", template), str(folder), "--defaults"], folder.parent)
    assert result.returncode == 1
    assert result.stderr.rstrip().endswith("\n  app/main.py")


def test_update_names_an_answer_without_a_question(
    project: tuple[Path, Path], template: Path
) -> None:
    folder, _ = project
    result = attempt([*command("update", template), "-l", "-d", "licence=MIT"], folder)
    assert "licence" in result.stderr
    assert result.returncode == 0


def test_update_refuses_uncommitted_work(project: tuple[Path, Path], template: Path) -> None:
    folder, _ = project
    before = tree(folder)
    (folder / "notes.txt").write_text("mine")
    result = attempt([*command("update", template)], folder)
    assert result.returncode == 1
    assert result.stderr.rstrip().endswith("\n  ?? notes.txt")
    (folder / "notes.txt").unlink()
    assert tree(folder) == before


def test_update_refuses_a_folder_that_is_not_a_project(
    template: Path, project: tuple[Path, Path]
) -> None:
    folder, versions = project
    update = command("update", template)
    nowhere = attempt([*update, "no-such-folder"], folder.parent)
    assert ".copier-answers.yml" in nowhere.stderr
    versions.rename(versions.with_name("moved"))
    gone = attempt([*update, "--defaults"], folder)
    assert gone.returncode == 1
    assert gone.stderr.splitlines()[-1].startswith("Error: ")
    assert run(["git", "status", "--porcelain"], folder) == ""
    shutil.rmtree(folder / ".git")
    loose = attempt(update, folder)
    assert "Git repository" in loose.stderr
    (folder / ".copier-answers.yml").write_text("project_name: Shop\n")
    unversioned = attempt(update, folder)
    assert ".copier-answers.yml" in unversioned.stderr
    (folder / ".copier-answers.yml").write_text("{")
    invalid = attempt(update, folder)
    assert "git checkout .copier-answers.yml" in " ".join(invalid.stderr.split())
    assert {each.returncode for each in (nowhere, loose, unversioned, invalid)} == {1}


def test_notes_are_those_that_the_older_version_does_not_have() -> None:
    old = "# C\n\n## [1.0]\n\n### Update notes\n\nOne.\n"
    new = "# C\n\n## [Unreleased]\n\n### Fixed\n\n- x\n\n## [1.1]\n\n### Update notes\n\nTwo.\n\n"
    assert notes_between(old, new + old.removeprefix("# C\n\n")) == {"1.1": "Two."}
    assert notes_between("", "") == {}
