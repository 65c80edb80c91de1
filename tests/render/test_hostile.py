"""Any answer is either refused with one message or rendered into valid files."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import copier
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.answers import CHECKS
from support.checks.files import file_faults
from support.commands import run
from support.rendering import render
from support.snapshot import commit

TEXTS = (
    "project_name", "project_slug", "description", "author_name", "author_email", "github_owner",
)  # fmt: skip
# Texts that can break a file format, separated by spaces.
SIGNS = r"""
" ' ` \\ % %s $ $$ ${HOME} $(id) # : - * [ ] [[x]] { } {{ }} {% %} {# #} {{7*7}} {%raw%} {%endraw%}
| > < <!-- --> <script> & &amp; ! @ ~ ~~~ ``` ''' --- ... === +++ = ; \n \u0041 \x41 1. / // ../ .
"""
WORDS = """
class import None true yes null ~ 0x1F 1e3 007 con nul aux a Z 9 é ß 日本 שלום مرحبا 👩‍💻 project
@example.com acme/backend
"""
PIECES = [
    *SIGNS.split(),
    *WORDS.split(),
    *"\n\r\t\0 \xa0\u202e\u200b\ufeff\u0301",
    '"""',
    "# ",
    ": ",
    "x" * 90,
]

hostile = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=8).map("".join)


def accepted(name: str) -> st.SearchStrategy[str]:
    """Hostile texts that are valid answers."""
    return hostile.filter(lambda value: not CHECKS.refuse_answer(name, value).strip())


@pytest.fixture(scope="session")
def slim(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with its Jinja files only, which renders in a tenth of the time."""
    folder = tmp_path_factory.mktemp("slim") / "template"
    run(["git", "clone", "--quiet", str(template), str(folder)], template)
    for path in sorted((folder / "template").rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.suffix != ".jinja":
            path.unlink()
    commit(folder, "Only Jinja files", "v9999.0.0")
    return folder


def rendered(template: Path, dest: Path, answers: Mapping[str, str]) -> Path:
    shutil.rmtree(dest, ignore_errors=True)
    return render(template, dest, answers)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(
    st.fixed_dictionaries(
        {"project_name": accepted("project_name"), "description": accepted("description")},
        optional={name: accepted(name) for name in ("author_name", "author_email", "github_owner")},
    )
)
def test_accepted_answers_render_into_valid_files(
    slim: Path, tmp_path: Path, answers: dict[str, str]
) -> None:
    project = rendered(slim, tmp_path / "demo", answers)
    recorded = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert {name: recorded[name] for name in answers} == answers
    assert file_faults(project) == []


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(TEXTS), hostile)
def test_any_answer_is_refused_or_rendered(
    slim: Path, tmp_path: Path, name: str, value: str
) -> None:
    dest = tmp_path / "demo"
    try:
        project = rendered(slim, dest, {name: value})
    except Exception as error:  # noqa: BLE001  errors of Copier and of Jinja
        message = str(error).partition("Refused: ")[2]
        assert message.startswith(f"{name} ")
        assert "\n" not in message
        assert not dest.exists()
    else:
        assert file_faults(project) == []


def test_every_allowed_text_renders_into_valid_files(slim: Path, tmp_path: Path) -> None:
    """Long descriptions that together hold every allowed text."""
    allowed = [piece for piece in PIECES if not CHECKS.refuse_answer("description", f"a{piece}a")]
    text = " ".join(allowed)
    for start in range(0, len(text), 290):
        value = "a" + text[start : start + 290] + "a"
        copier.run_copy(
            str(slim), tmp_path / str(start), data={"description": value}, defaults=True, quiet=True
        )
        assert file_faults(tmp_path / str(start)) == []
