"""Answers: invalid ones are refused, and unusual valid ones render into valid files."""

import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.matrix import questions
from support.answers import CHECKS
from support.checks.files import file_faults
from support.rendering import Render, render, tree
from support.snapshot import TAG

COPIER = str(Path(sys.executable).parent / "copier")
INVALID = {
    "empty name": ("project_name", ""),
    "blank name": ("project_name", "   "),
    "name without a letter": ("project_name", "!!!"),
    "name with a variable": ("project_name", "Shop ${HOME}"),
    "name with a line break": ("project_name", "My\nShop"),
    "name with a control character": ("project_name", "My\x07Shop"),
    "name with a direction mark": ("project_name", "My\u202eShop"),
    "name with a space at the end": ("project_name", "Shop "),
    "long name": ("project_name", "n" * 81),
    "upper-case slug": ("project_slug", "Shop"),
    "slug with a space": ("project_slug", "my shop"),
    "slug that starts with a digit": ("project_slug", "1shop"),
    "slug that ends with a hyphen": ("project_slug", "shop-"),
    "slug with two hyphens": ("project_slug", "my--shop"),
    "slug with an underscore": ("project_slug", "my_shop"),
    "slug with an accent": ("project_slug", "café"),
    "slug with a line break": ("project_slug", "shop\n"),
    "empty slug": ("project_slug", ""),
    "long slug": ("project_slug", "s" * 51),
    "Windows slug": ("project_slug", "con"),
    "slug of a dependency": ("project_slug", "celery"),
    "description with a line break": ("description", "One\nTwo"),
    "description with a tab": ("description", "One\tTwo"),
    "description with a null": ("description", "One\x00Two"),
    "long description": ("description", "d" * 301),
    "author with a line break": ("author_name", "Ada\nLovelace"),
    "long author": ("author_name", "a" * 101),
    "e-mail without host": ("author_email", "ada"),
    "two e-mails": ("author_email", "a@b.example, c@d.example"),
    "e-mail with a line break": ("author_email", "a@b.example\n"),
    "owner with a space": ("github_owner", "the team"),
    "owner with an @": ("github_owner", "@octocat"),
    "unknown licence": ("license", "GPL"),
    "unsupported Python": ("python_version", "3.10"),
    "unknown platform": ("deploy", "heroku"),
    "unknown preset": ("preset", "maximal"),
}

UNUSUAL = {
    "quotes": {
        "project_name": 'Bob\'s "Best" `Shop`',
        "description": "It's a \"shop\" \\ with 'quotes' and a back\\slash",
        "author_name": 'Conan O\'Brien, "The" Author',
        "author_email": "o.brien+x@example.com",
    },
    "braces": {
        "project_name": "{{ project_slug }} {% if x %}",
        "description": "${HOME} $(id) `id` %s {0} {{ 7 * 7 }} {# no #} <b>&amp;</b>",
    },
    "variables": {"project_name": "$HOME $(id) %PATH% \\n", "author_name": "$$ \\1 %d"},
    "Markdown": {"project_name": "*Shop* [x](https://y.example) `", "description": "```"},
    "heading": {"description": "# not a comment"},
    "HTML comment": {"description": "<!-- swallowed"},
    "other scripts": {
        "project_name": "日本語 Ünïcödé Øresund",
        "description": "Κόσμε, мир, 世界, שלום, 👩‍💻 " + "é" * 200,
        "author_name": "Łukasz Żółć",
    },
    "YAML": {"project_name": "yes", "description": "- key: [value] # no comment, & * ! | > ' %"},
    "TOML": {"project_name": "[project]", "description": '"""', "project_slug": "null"},
    "numbers": {"project_name": "007", "description": "1e3", "project_slug": "n0"},
    "keyword": {"project_name": "class", "project_slug": "import", "description": "None"},
    "standard library": {"project_name": "json", "project_slug": "json", "description": "~"},
    "comment signs": {"project_name": "# C# = shop;", "description": "# not a comment"},
    "empty": {"description": "", "author_name": "", "author_email": ""},
    "long": {"project_name": "n" * 80, "project_slug": "s" * 50, "description": "d" * 300},
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_answer_is_refused_and_nothing_written(
    case: str, template: Path, tmp_path: Path
) -> None:
    name, value = INVALID[case]
    dest = tmp_path / "shop"
    with pytest.raises(Exception, match=f"Refused: {name} "):
        copier.run_copy(
            str(template), dest, data={name: value}, defaults=True, quiet=True, vcs_ref=TAG
        )
    assert not dest.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("project_slug", "Shop"), ("licence", "MIT"), ("python_version", "3.9")],
)
def test_plain_copier_shows_one_line(name: str, value: str, template: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [
            COPIER,
            "copy",
            "--defaults",
            "--data",
            f"{name}={value}",
            str(template),
            str(tmp_path / "shop"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert f"Refused: {name} " in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("existing", ["README.md", ".env", "app/main.py", "src/app/core/x.txt"])
def test_plain_copier_refuses_a_folder_with_files(
    existing: str, template: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "used"
    (dest / existing).parent.mkdir(parents=True)
    (dest / existing).write_text("mine")
    result = subprocess.run(
        [COPIER, "copy", "--defaults", str(template), str(dest)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if existing.count("/") > 2:
        # Deeper than the check looks, and not a path of the template.
        assert result.returncode == 0
    else:
        assert result.returncode == 1
        assert "Refused: the destination" in result.stderr
        assert tree(dest) == {existing: b"mine"}
    assert (dest / existing).read_text() == "mine"


def test_plain_copier_accepts_an_empty_repository(template: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "shop")], check=True)
    render(template, tmp_path / "shop")
    assert (tmp_path / "shop/pyproject.toml").is_file()


@pytest.mark.parametrize("case", UNUSUAL)
def test_unusual_answer_renders_into_valid_files(case: str, render: Render) -> None:
    answers = {"github_owner": "octocat", **UNUSUAL[case]}
    project = render(**answers)
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert {name: recorded[name] for name in answers} == answers
    assert file_faults(project) == []


@pytest.mark.parametrize(
    ("folder", "name", "slug"),
    [
        ("my-shop", "My Shop", "my-shop"),
        ("my_shop_api", "My Shop API", "my-shop-api"),
        ("CamelCase", "CamelCase", "camelcase"),
        ("Café Zürich", "Café Zürich", "cafe-zurich"),
        ("Straße Øst", "Straße Øst", "strasse-ost"),
        ("日本語", "日本語", "backend"),
        ("2024-report", "2024 Report", "report"),
        ("Bob's shop", "Bob's Shop", "bobs-shop"),
        ("redis", "Redis", "redis-backend"),
        ("con", "Con", "con-backend"),
        ("---", "My Backend", "my-backend"),
        ("x" * 200, "X" + "x" * 79, "x" * 50),
    ],
)
def test_defaults_come_from_the_folder(folder: str, name: str, slug: str) -> None:
    assert CHECKS.name_from_folder(folder).strip() == name
    assert CHECKS.slug_from_name(name).strip() == slug


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120))
def test_defaults_of_any_folder_are_accepted(folder: str) -> None:
    name = CHECKS.name_from_folder(folder).strip()
    assert CHECKS.refuse_project_name(name).strip() == ""
    assert CHECKS.refuse_project_slug(CHECKS.slug_from_name(name).strip()).strip() == ""


def test_checks_have_every_question_and_choice() -> None:
    asked = questions()
    assert [*CHECKS.NAMES, *CHECKS.OPTIONS] == list(asked)
    assert set(CHECKS.STANDARD) <= set(CHECKS.OPTIONS)
    for name, question in asked.items():
        choices = question.get("choices", [])
        values = list(choices.values() if isinstance(choices, dict) else choices)
        assert CHECKS.CHOICES.get(name, []) == values
        assert question["help"]
        assert (question["type"] == "bool") == (name in CHECKS.OPTIONS)
