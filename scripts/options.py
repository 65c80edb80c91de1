"""Write what follows from options.yml and docs/.

The results are blocks of copier.yml and checks.jinja, docs/options.md, docs/configurator.html, and
template/docs/.

    uv run python -m scripts.options

Run it after a change of options.yml, of a page in docs/, or of the dependency groups in
template/pyproject.toml.jinja, and commit the files that it wrote. A test fails as long as a
committed file differs.
"""

import json
import textwrap
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from scripts.blocks import replace_block
from scripts.checks import jinja_environment
from scripts.configurator import configurator
from scripts.declaration import Option, conflicts, load_options, owned_paths
from scripts.options_page import page
from scripts.project_pages import project_pages

ROOT = Path(__file__).resolve().parent.parent


def written(folder: Path = ROOT) -> dict[Path, str]:
    """The content of each file that this script writes in a checkout of the template."""
    options = load_options(folder)
    copier = (folder / "copier.yml").read_text("utf-8")
    copier = replace_block(copier, "options.yml: files", excluded_files(options))
    copier = replace_block(copier, "options.yml: questions", questions(options))
    checks = (folder / "checks.jinja").read_text("utf-8")
    checks = replace_block(checks, "options.yml", lists(options, packages(folder, options)))
    return {
        folder / "copier.yml": copier,
        folder / "checks.jinja": checks,
        folder / "docs" / "options.md": page(yaml.safe_load(copier), options),
        folder / "docs" / "configurator.html": configurator(
            folder, yaml.safe_load(copier), options
        ),
        **project_pages(folder),
    }


def excluded_files(options: list[Option]) -> str:
    """Entries of `_exclude`, each a list of paths under a condition."""
    entries = [(_unless(names), paths) for names, paths in owned_paths(options).items()]
    entries += [
        (f"not ({option.name} and {other})", paths)
        for option in options
        for other, paths in option.together_with.items()
    ]
    blocks = [
        ["- |", f"  {{% if {condition} %}}", *(f"  {path}" for path in paths), "  {% endif %}"]
        for condition, paths in entries
        if paths
    ]
    return "".join(f"  {line}\n" for block in blocks for line in block)


def _unless(names: tuple[str, ...]) -> str:
    return f"not ({' or '.join(names)})" if len(names) > 1 else f"not {names[0]}"


def questions(options: list[Option]) -> str:
    """A question for each option. Its preset is the default."""
    return "\n".join(question(option, options) for option in options)


def question(option: Option, options: list[Option]) -> str:
    """The question of an option, with a validator if it is the last one of a conflict."""
    names = [each.name for each in options]
    in_conflict: dict[str, None] = {}
    for conflict in conflicts(options):
        if option.name == max(conflict.answers, key=lambda name: _position(name, names)):
            in_conflict |= dict.fromkeys(conflict.answers)
    help_line = yaml.safe_dump({"help": option.help}, width=10_000, allow_unicode=True)
    text = f"""\
{option.name}:
  type: bool
  {help_line.rstrip()}
  default: >-
    {{%- from 'checks.jinja' import in_preset -%}}
    {{{{ in_preset('{option.name}', preset) | trim }}}}
"""
    if in_conflict:
        answers = ", ".join(f"'{name}': {name}" for name in sorted(in_conflict))
        text += f"""\
  validator: >-
    {{%- from 'checks.jinja' import refuse_conflict -%}}
    {{{{ refuse_conflict({{{answers}}}) }}}}
"""
    return text


def _position(name: str, options: list[str]) -> int:
    # Other questions come before those of the options.
    return options.index(name) if name in options else -1


def lists(options: list[Option], package_names: list[str]) -> str:
    """The lists of checks.jinja. JSON is valid in Jinja, as long as it holds no null."""
    refused = [
        {"answers": dict(conflict.answers), "message": conflict.message}
        for conflict in conflicts(options)
    ]
    return (
        _names("OPTIONS", [option.name for option in options])
        + _names("STANDARD", [each.name for each in options if each.preset == "standard"])
        + _assignment("CONFLICTS", [f"{json.dumps(e, ensure_ascii=False)}," for e in refused])
        + _names("PACKAGES", package_names)
    )


def _names(variable: str, names: list[str]) -> str:
    items = ", ".join(f"'{name}'" for name in names)
    return _assignment(variable, textwrap.wrap(items, 96, break_on_hyphens=False))


def _assignment(variable: str, lines: list[str]) -> str:
    return f"{{%- set {variable} = [\n" + "".join(f"  {line}\n" for line in lines) + "] -%}\n"


def packages(folder: Path, options: list[Option]) -> list[str]:
    """The packages that a project with every option declares, sorted."""
    texts = ("project_slug", "description", "license", "author_name", "author_email", "deploy")
    answers = dict.fromkeys(texts, "x") | {option.name: True for option in options}
    template = jinja_environment(folder).get_template("template/pyproject.toml.jinja")
    groups = tomllib.loads(template.render(answers))["dependency-groups"]
    return sorted({Requirement(line).name for lines in groups.values() for line in lines})


def write(folder: Path = ROOT) -> None:
    """Write the files in a checkout of the template."""
    for path, text in written(folder).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
