"""Rules of the template: no Jinja in Python, no trust, no dependence on the machine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from scripts.checks import load_checks
from scripts.matrix import questions
from support.rendering import Render
from support.snapshot import ROOT, TAG

TEMPLATE = ROOT / "template"


def test_code_owners_only_with_an_owner(render: Render) -> None:
    owners = ".github/CODEOWNERS"
    assert not (render() / owners).exists()
    assert "* @octocat\n" in (render(github_owner="octocat") / owners).read_text("utf-8")


def test_answers_file_holds_exactly_the_answers(project: Path) -> None:
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
    # An update reads these patterns before it knows the answers.
    assert not any("{" in pattern for pattern in config["_skip_if_exists"])


def test_rendering_does_not_depend_on_the_machine() -> None:
    """The only filter that reads the machine is in the check of the destination."""
    reading = re.compile(
        r"\| *(expandvars|expanduser|realpath|ans_random|random_mac|shuffle|shell)\b"
    )
    for path in [ROOT / "copier.yml", ROOT / "checks.jinja", *TEMPLATE.rglob("*.jinja")]:
        text = path.read_text("utf-8")
        # A message is printed and not rendered: it shows the folder as this machine names it.
        text = re.sub(r"^_message_\w+: \|\n(  .*\n|\n)+", "", text, flags=re.MULTILINE)
        assert not reading.search(text), path
        assert "fileglob" not in text or path.name == "checks.jinja"


def test_plain_copier_needs_no_other_package(template: Path, tmp_path: Path) -> None:
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
    """The only test with pytest-copie, because it always trusts the template and hides errors."""
    result = copie.copy({"project_name": "Copied"}, template_dir=template, vcs_ref=TAG)
    assert result.exit_code == 0, result.exception
    assert "# Copied" in (result.project_dir / "README.md").read_text("utf-8")


def test_questions_and_messages_fit_a_terminal_of_80_columns() -> None:
    """Copier shows a question on one line, after a sign of three columns, and cuts the rest."""
    for name, question in questions().items():
        assert len(question["help"]) <= 76, name
        for text in question.get("choices") or []:
            assert len(str(text)) <= 74, text
    config = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    messages = {name: text for name, text in config.items() if name.startswith("_message_")}
    assert len(messages) == 4
    for name, text in messages.items():
        for line in text.splitlines():
            # How long a folder is, nobody knows.
            assert "dst_path" in line or len(line) <= 79, (name, line)


def test_refused_answer_says_why_within_80_columns() -> None:
    """Copier writes the name of the question before the message of a validator."""
    checks = load_checks()
    for name, question in questions().items():
        if question["type"] == "str" and "validator" in question:
            assert "in_terminal(" in question["validator"], name
    refused = checks.in_terminal(checks.refuse_project_slug("My Shop"))
    assert refused[:33].startswith("be like my-shop2: ")
    assert checks.in_terminal(checks.refuse_project_slug("celery")).startswith("celery is the name")
    assert checks.in_terminal("") == ""
