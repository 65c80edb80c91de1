"""What every render has to hold: whole files, plain ones, and the same ones again."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Render
from harness import ROOT, TAG, questions, render, run, tree

TEMPLATE = ROOT / "template"
RUFF = str(Path(sys.executable).parent / "ruff")
VARIANTS = {preset: {"preset": preset} for preset in ("minimal", "standard", "everything")} | {
    "signed": {
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.com",
        "github_owner": "acme/backend",
        "license": "MIT",
        "python_version": "3.14",
    }
}
# What a lock file, an image or a script could have brought along.
REGISTRIES = re.compile(r"pypi\.org|python-?hosted|registry\.npmjs|deb\.debian\.org")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsb_secret_\w{10,}|\bsbp_\w{20,}|\beyJ[\w-]{20,}\.eyJ|"
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}"
)
# The key that every Supabase CLI starts with, named by the settings in order to refuse it; and the
# alphabet, which the project's tests use for one that has the right shape.
PUBLISHED = {"sb_secret_N7UND0UgjKTVK", "sb_secret_abcdefghijklmnopqrstuvwxyz"}


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, render: Render) -> Path:
    return render(**VARIANTS[request.param])


def test_no_tag_of_the_template_is_left(variant: Path) -> None:
    for name, content in tree(variant).items():
        text = content.decode("utf-8")
        assert not name.endswith(".jinja")
        assert not re.search(r"\{\{|\{%|\[\[", name)
        # `${{ … }}` is GitHub's, `{{ … }}` just's, and HTML pages of the project have their own.
        if not name.startswith((".github/workflows/", "justfile")) and "/templates/" not in name:
            assert not re.search(r"(?<!\$)\{\{-? *\w+ *[|}]|\{%-? *\w+", text), name


def test_every_data_file_parses(variant: Path) -> None:
    for name in tree(variant):
        text = (variant / name).read_text("utf-8")
        match Path(name).suffix:
            case ".toml":
                tomllib.loads(text)
            case ".yml" | ".yaml":
                list(yaml.safe_load_all(text))
            case ".json":
                json.loads(text)
            case ".ini":
                configparser.ConfigParser(interpolation=None).read_string(text)


def test_python_compiles_and_is_clean(variant: Path) -> None:
    for name, content in tree(variant).items():
        if name.endswith(".py"):
            compile(content, name, "exec")
    run([RUFF, "check", "--no-cache", "."], variant)
    run([RUFF, "format", "--no-cache", "--check", "."], variant)


def test_text_files_end_well(variant: Path) -> None:
    for name, content in tree(variant).items():
        assert b"\r" not in content, name
        if content:
            assert content.endswith(b"\n"), name
            assert not content.endswith(b"\n\n"), name
        assert not re.search(rb"[ \t]+\n", content), name


def test_nothing_secret_local_or_registry_bound_is_rendered(variant: Path) -> None:
    for name, content in tree(variant).items():
        text = content.decode("utf-8")
        assert not REGISTRIES.search(text), name
        assert set(SECRETS.findall(text)) <= PUBLISHED, name
        if name != ".copier-answers.yml":
            assert str(ROOT) not in text, name
            assert str(Path.home()) not in text, name


def test_no_rendered_file_is_ignored_by_git(variant: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(variant, project)
    run(["git", "init", "--quiet"], project)
    run(["git", "add", "--all"], project)
    tracked = set(run(["git", "ls-files"], project).splitlines())
    assert tracked == set(tree(project))


def test_second_render_is_the_same_to_the_byte(
    variant: Path, template: Path, tmp_path: Path
) -> None:
    answers = yaml.safe_load((variant / ".copier-answers.yml").read_text("utf-8"))
    again = render(
        template, tmp_path / "demo", {k: v for k, v in answers.items() if not k.startswith("_")}
    )
    assert tree(again) == tree(variant)


def test_code_owners_only_with_an_owner(render: Render) -> None:
    owners = ".github/CODEOWNERS"
    assert not (render() / owners).exists()
    assert "* @octocat\n" in (render(github_owner="octocat") / owners).read_text("utf-8")


def test_answers_file_holds_every_answer_and_nothing_else(project: Path) -> None:
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert set(answers) == {"_commit", "_src_path", *questions()}


def test_template_python_holds_no_jinja() -> None:
    assert not list(TEMPLATE.rglob("*.py.jinja"))
    statement = re.compile(r"\{%-?\s*(if|for|endif|set|raw)\b")
    for path in TEMPLATE.rglob("*.py"):
        if ".venv" not in path.parts:
            assert not statement.search(path.read_text("utf-8")), path


def test_copier_needs_no_trust() -> None:
    config = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    assert not {"_tasks", "_jinja_extensions"} & set(config)
    assert config["_envops"] == {"undefined": "jinja2.StrictUndefined"}
    # An answer is not known yet when an update reads these.
    assert not any("{" in pattern for pattern in config["_skip_if_exists"])


def test_nothing_reads_the_machine_while_rendering() -> None:
    """Of the filters that read the machine, only the check of the destination uses one."""
    reading = re.compile(
        r"\| *(expandvars|expanduser|realpath|ans_random|random_mac|shuffle|shell)\b"
    )
    for path in [ROOT / "copier.yml", ROOT / "checks.jinja", *TEMPLATE.rglob("*.jinja")]:
        text = path.read_text("utf-8")
        assert not reading.search(text), path
        assert "fileglob" not in text or path.name == "checks.jinja"


def test_plain_copier_needs_nothing_beside_it(template: Path, tmp_path: Path) -> None:
    copier = str(Path(sys.executable).parent / "copier")
    result = subprocess.run(
        [copier, "copy", "--defaults", str(template), str(tmp_path / "my-shop")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "uv run app dev" in result.stderr
    assert 'name = "my-shop"' in (tmp_path / "my-shop/pyproject.toml").read_text("utf-8")


def test_copie_renders_the_template(copie: Any, template: Path) -> None:
    """pytest-copie trusts what it renders and swallows errors, so this is its one test."""
    result = copie.copy({"project_name": "Copied"}, template_dir=template, vcs_ref=TAG)
    assert result.exit_code == 0, result.exception
    assert "# Copied" in (result.project_dir / "README.md").read_text("utf-8")
