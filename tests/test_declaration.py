"""options.yml, and the files that scripts/options.py writes from it."""

from pathlib import Path

import pytest

from scripts.blocks import replace_block
from scripts.checks import jinja_environment
from scripts.declaration import load_options, owned_paths
from scripts.options import excluded_files, question, written
from scripts.options_page import page
from scripts.project_pages import PAGES, project_page
from support.snapshot import ROOT
from support.sources import sources

VALID = "a:\n  help: A?\n  preset: standard\n"


@pytest.mark.parametrize("path", written(), ids=lambda path: path.name)
def test_written_files_are_current(path: Path) -> None:
    current = path.read_text("utf-8") == written()[path]
    assert current, f"run `uv run python -m scripts.options`, it changes {path.name}"


def test_declared_paths_exist_once() -> None:
    options = load_options()
    owned = owned_paths(options).values()
    together = [paths for option in options for paths in option.together_with.values()]
    declared = [path for paths in (*owned, *together) for path in paths]
    assert [path for path in declared if not sources(path)] == []
    assert len(declared) == len(set(declared))


@pytest.mark.parametrize(
    "declaration",
    [
        "a:\n  help: A?\n",
        "a:\n  help: A?\n  preset: maximal\n",
        f"{VALID}  file: [/x]\n",
        f"{VALID}  together_with: {{b: [/x]}}\n",
        f"{VALID}  conflicts:\n    - answers: {{b: false}}\n      message: m\n",
    ],
    ids=["no preset", "unknown preset", "unknown key", "unknown option", "conflict in a preset"],
)
def test_invalid_declaration_is_an_error(declaration: str, tmp_path: Path) -> None:
    (tmp_path / "options.yml").write_text(declaration)
    with pytest.raises(ValueError, match=r"^a: |^the preset standard "):
        load_options(tmp_path)


def test_what_two_options_declare_is_rendered_with_either(tmp_path: Path) -> None:
    (tmp_path / "options.yml").write_text(
        f"{VALID}  files: [/own, /shared]\nb:\n  help: B?\n  preset: everything\n"
        "  extensions: [x]\n  files: [/shared]\n"
    )
    blocks = excluded_files(load_options(tmp_path))
    condition = jinja_environment().from_string(blocks)
    left_out = {
        (a, b): [each for each in ("/own", "/shared", "/x") if each in text]
        for a in (False, True)
        for b in (False, True)
        for text in [condition.render(a=a, b=b)]
    }
    assert left_out == {
        (False, False): ["/own", "/shared", "/x"],
        (False, True): ["/own"],
        (True, False): ["/x"],
        (True, True): [],
    }


def test_last_question_of_a_conflict_has_the_validator(tmp_path: Path) -> None:
    (tmp_path / "options.yml").write_text(
        "a:\n  help: A?\n  preset: everything\n"
        "  conflicts:\n    - answers: {b: false}\n      message: m\n"
        "b:\n  help: B?\n  preset: everything\n"
    )
    first, last = options = load_options(tmp_path)
    assert "refuse_conflict" not in question(first, options)
    assert "refuse_conflict({'a': a, 'b': b})" in question(last, options)


def test_page_lists_presets(tmp_path: Path) -> None:
    (tmp_path / "options.yml").write_text(f"{VALID}b:\n  help: B?\n  preset: everything\n")
    config = {"a": {"type": "bool", "help": "A?", "default": "{{ x }}"}}
    text = page(config, load_options(tmp_path))
    assert "| `a` | A? | from `preset` | `true`, `false` |" in text
    assert "| `a` | | yes | yes |\n| `b` | |  | yes |\n" in text


def test_marks_of_a_page_become_conditions() -> None:
    page = (
        "# Page\n\n<!-- not run: no -->\n```sh\nls\n```\n\n<!-- with: moon -->\n## Moon\n\nFull.\n"
        "<!-- end -->\n\nDark. <!-- with: sun -->\n\n"
        "<!-- with: site -->\n![A](a.png)\n<!-- end -->\n"
    )
    template = jinja_environment().from_string(project_page(page))
    always = "# Page\n\n```sh\nls\n```\n"
    assert template.render(moon=False, sun=False) == f"{always}\n"
    assert template.render(moon=True, sun=False) == f"{always}\n## Moon\n\nFull.\n\n"
    assert template.render(moon=False, sun=True) == f"{always}\nDark.\n"


def test_marks_name_the_answer_to_another_question() -> None:
    page = (
        "# Page\n\n<!-- with: deploy=cloud-run -->\n## Clouds\n<!-- end -->\n\n"
        "Dark. <!-- with: deploy=fly -->\n"
    )
    template = jinja_environment().from_string(project_page(page))
    assert template.render(deploy="cloud-run") == "# Page\n\n## Clouds\n\n"
    assert template.render(deploy="fly") == "# Page\n\nDark.\n"


def test_marks_name_one_of_two_options() -> None:
    template = jinja_environment().from_string(project_page("Dark. <!-- with: sun or moon -->\n"))
    for sun, moon in ((True, False), (False, True)):
        assert template.render(sun=sun, moon=moon) == "Dark.\n"
    assert template.render(sun=False, moon=False) == ""


@pytest.mark.parametrize("text", ["<!-- with: moon -->\n", "<!-- end -->\n"])
def test_page_with_an_unknown_mark_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="must not contain"):
        project_page(text)


def test_placeholders_of_other_templates_stay() -> None:
    page = "`{{ name }}`, `{% if a %}`, `{# b #}`, <!-- a comment -->\n"
    assert jinja_environment().from_string(project_page(page)).render() == page


def test_every_page_is_for_projects_or_for_the_site() -> None:
    of_site = {"architecture-template.md", "fork.md", "generate.md", "index.md", "options.md"}
    of_site.add("sabotage.md")
    assert {path.name for path in (ROOT / "docs").glob("*.md")} == {*PAGES, *of_site}
    assert {path.name for path in (ROOT / "template/docs").iterdir()} == {
        f"{name}.jinja" for name in PAGES
    }


def test_block_without_its_markers_is_an_error() -> None:
    assert replace_block("# Begin of x\n1\n# End of x\n", "x", "2\n") == (
        "# Begin of x\n2\n# End of x\n"
    )
    with pytest.raises(ValueError, match="Begin of x"):
        replace_block("# Begin of y\n# End of y\n", "x", "")
