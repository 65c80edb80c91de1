"""Every variant has valid files that pass their linters.

The variants are the presets, each option alone, everything without each option, and the rows of the
matrix.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from support.answers import Persona, all_variants, personas
from support.checks.files import file_faults
from support.checks.linters import LINTERS, output_of
from support.commands import attempt, run
from support.rendering import Render, tree
from support.rendering import render as render_anew

RUFF = str(Path(sys.executable).parent / "ruff")
VARIANTS = all_variants()


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, render: Render) -> Path:
    return render(**VARIANTS[request.param])


def test_files_are_valid(variant: Path) -> None:
    assert file_faults(variant) == []


def test_python_is_clean_and_formatted(variant: Path) -> None:
    run([RUFF, "check", "--no-cache", "."], variant)
    run([RUFF, "format", "--no-cache", "--check", "."], variant)


def test_files_pass_their_linters(variant: Path, shared: Path) -> None:
    """Each content is linted once, because most files are the same in most variants."""
    seen = shared / "linted"
    seen.mkdir(exist_ok=True)
    for name, linter in LINTERS.items():
        content = (variant / linter.file).read_bytes()
        mark = seen / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"
        if not mark.exists():
            result = linter.run(variant)
            assert result.returncode == 0, f"{name}: {output_of(result)}"
            mark.touch()


def test_no_file_is_ignored_by_git(variant: Path, tmp_path: Path) -> None:
    run(["git", "init", "--quiet", "--bare", str(tmp_path)], tmp_path)
    git = ["git", f"--git-dir={tmp_path}", f"--work-tree={variant}"]
    ignored = run([*git, "ls-files", "--others", "--ignored", "--exclude-standard"], variant)
    assert ignored == ""


@pytest.mark.parametrize("persona", personas(), ids=lambda persona: persona.name)
def test_second_render_has_the_same_bytes(
    persona: Persona, render: Render, template: Path, tmp_path: Path
) -> None:
    again = render_anew(template, tmp_path / "demo", persona.answers)
    assert tree(again) == tree(render(**persona.answers))


def test_faults_are_found(project: Path, tmp_path: Path) -> None:
    """A fault of each kind, except those of ruff and of the linters."""
    broken = tmp_path / "demo"
    shutil.copytree(project, broken)
    edits = {
        "app/main.py": "def f(:\n",
        "ruff.toml": "a = \n",
        "compose.yaml": "a: [\n",
        "pytest.ini": "x\n",
        ".vscode/settings.json": "{,}\n",
        "AGENTS.md": "{{ project_name }}\n",
        "justfile": "a: \n",
        "Procfile": "web: 'uvicorn\n",
        "alembic.ini": "[a]\r\nb = 1\n",
        "README.md": "# Other\n```\n",
        "mypy.ini": "[a]\nb = sb_secret_0123456789abcdef\n",
        "Dockerfile": "FROM x\n\n",
        ".gitignore": f"{Path.home()}/x\n",
        "copier.yml": "a: 1\n",
        "{{ x }}.txt": "a\n",
    }
    for name, text in edits.items():
        (broken / name).write_bytes(text.encode())
    found = "\n".join(file_faults(broken))
    for name in edits:
        assert f"{name}: " in found, name
    for word in (
        "invalid syntax",
        "tag",
        "space at the end",
        "secret",
        "path of this machine",
        "no link",
    ):
        assert word in found
    pyproject = broken / "pyproject.toml"
    good = pyproject.read_text("utf-8")
    for old, new, word in (
        ("template-dev = [", 'template-dev = [\n    "zzz",', "not sorted"),
        ("template-dev = [", 'template-dev = [\n    "a b",', "Expected"),
        ('default-groups = [\n    "dev",', "default-groups = [", "default ones"),
        ('name = "', 'name = "My_', "normalised"),
    ):
        assert old in good
        pyproject.write_text(good.replace(old, new, 1), "utf-8")
        assert word in "\n".join(file_faults(broken)), new


def test_ruff_runs_with_the_settings_of_the_project(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "demo"
    shutil.copytree(project, broken)
    (broken / "app/odd.py").write_text("import os\nx = {  'a':1 }\n")
    for command in ("check", "format"):
        options = ["--check"] if command == "format" else []
        result = attempt([RUFF, command, "--no-cache", *options, "."], broken)
        assert result.returncode == 1
        assert "odd.py" in result.stdout
