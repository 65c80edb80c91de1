"""`app ci` runs every check, and says what has failed."""

import subprocess
import sys
from pathlib import Path

import pytest

from devstack import checks
from devstack.checks import CHECKS, Check, Outcome, chosen, run

PROJECT = Path(__file__).parents[2]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_every_check_runs_and_a_failure_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = (
        Check("first", python("print('fine'); raise SystemExit"), "nothing"),
        Check("second", python("print('line 7 is wrong'); raise SystemExit(1)"), "mend line 7"),
        Check("third", python("raise SystemExit(2)"), "nothing", skipped=2, reason="no network"),
        Check("fourth", python("open('ran', 'w')"), "nothing"),
    )
    assert run(tmp_path, examples) is False
    printed = capsys.readouterr().out
    assert "line 7 is wrong" in printed
    assert "fine" not in printed
    rows = [line.split() for line in printed.splitlines()[-4:]]
    assert [row[1] for row in rows] == ["passed", "failed", "skipped", "passed"]
    assert rows[1][-3:] == ["mend", "line", "7"]
    assert (tmp_path / "ran").exists()
    assert run(tmp_path, (examples[0], examples[2])) is True


def test_a_program_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Check("a", (str(tmp_path / "nothing"),), "install it").run(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("app.py", "x = 1\n", Outcome.PASSED),
        ("app.py", "x = 1\n<<<<<<< before updating\n", Outcome.FAILED),
        ("app.py.rej", "@@ -1 +1 @@\n", Outcome.FAILED),
    ],
)
def test_conflicts_of_an_update_are_found(
    tmp_path: Path, name: str, text: str, outcome: Outcome
) -> None:
    (tmp_path / name).write_text(text)
    for command in (("init", "--quiet"), ("add", ".")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (check,) = (check for check in CHECKS if check.title == "update of the template")
    assert check.run(tmp_path) is outcome


def test_every_program_is_installed() -> None:
    for check in (*chosen(checks.Tests.QUICK), *chosen(checks.Tests.ALL)):
        program = check.command[0]
        if program.startswith("/"):
            assert Path(program).exists(), check.title


def test_secrets_are_found_in_commits(tmp_path: Path) -> None:
    (check,) = (check for check in CHECKS if check.title == "secrets")
    (tmp_path / ".gitleaks.toml").write_bytes((PROJECT / ".gitleaks.toml").read_bytes())
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com")

    def commit(text: str) -> None:
        (tmp_path / "notes.txt").write_text(text)
        for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "notes")):
            subprocess.run(["git", *author, *command], cwd=tmp_path, check=True)

    commit("nothing to hide\n")
    assert check.run(tmp_path) is Outcome.PASSED
    # In two parts, so that no scanner finds it here.
    commit("key: sb_secret_" + "k3J9xQ2mW8vL5nR7tY1pZ4_aB3dE6gH\n")
    assert check.run(tmp_path) is Outcome.FAILED
    # Taking the secret away is not enough: others have the commit.
    commit("nothing to hide\n")
    assert check.run(tmp_path) is Outcome.FAILED
