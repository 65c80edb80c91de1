"""Write docs/options.md from copier.yml.

    uv run python -m scripts.options

A test says when the committed page is not what this writes.
"""

from pathlib import Path
from typing import Any

import yaml

from scripts.checks import load_checks

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "options.md"
INTRODUCTION = """\
# Options and their defaults

<!-- Written by `uv run python -m scripts.options` from copier.yml: change it there. -->

Every question, in the order in which it is asked. Each can be answered beforehand with
`--data NAME=VALUE`; `--defaults` asks nothing. A name that is not in this table, or a value that
does not fit, is refused in one sentence and nothing is written.

| Name | Question | Default | Values |
|---|---|---|---|
"""
# What the defaults that are worked out come from, in words.
WORKED_OUT = {
    "project_name": "from the folder's name",
    "project_slug": "from `project_name`",
    "description": "a sentence with `project_name`",
    "author_name": "`user.name` of git (launcher), `user_name` of Copier's settings, or empty",
    "author_email": "`user.email` of git (launcher), `user_email` of Copier's settings, or empty",
    "github_owner": "`github.user` of git or the login of gh (launcher), `github_user` of Copier's "
    "settings, or empty",
}
NO_OPTIONS = """
## Options

There is none yet: the presets render the same project. Each option will be a question of its own
with a default from `preset`, and can be switched on and off later by an update.
"""
OPTIONS = """
## Options

Each option is a question of its own, with a default from `preset`; each can be switched on and off
later by an update.

| Option | minimal | standard | everything |
|---|---|---|---|
"""


def page(config: dict[str, Any], standard: set[str]) -> str:
    """The page, from the content of copier.yml and the names of the standard preset."""
    questions = {
        name: question
        for name, question in config.items()
        if not name.startswith("_") and question.get("when") is not False
    }
    rows = [row(name, question) for name, question in questions.items()]
    options = [name for name, question in questions.items() if question["type"] == "bool"]
    end = NO_OPTIONS
    if options:
        end = OPTIONS + "".join(
            f"| `{name}` | | {'yes' if name in standard else ''} | yes |\n" for name in options
        )
    return INTRODUCTION + "".join(rows) + end


def row(name: str, question: dict[str, Any]) -> str:
    """One question as a line of the table."""
    default = WORKED_OUT.get(name)
    if default is None:
        is_option = question["type"] == "bool"
        default = "from `preset`" if is_option else f"`{question['default']}`"
    choices = question.get("choices")
    if isinstance(choices, dict):
        values = ", ".join(f"`{value}`" for value in choices.values())
    elif choices:
        values = ", ".join(f"`{value}`" for value in choices)
    else:
        values = "`true`, `false`" if question["type"] == "bool" else "text"
    return f"| `{name}` | {question['help']} | {default} | {values} |\n"


def standard_options() -> set[str]:
    """The names in the list STANDARD of checks.jinja."""
    return set(load_checks().STANDARD)


def main() -> None:
    """Write the page."""
    config = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    PAGE.write_text(page(config, standard_options()), "utf-8")


if __name__ == "__main__":
    main()
