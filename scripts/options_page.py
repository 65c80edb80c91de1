"""The text of docs/options.md."""

from typing import Any

from scripts.declaration import Option

INTRODUCTION = """\
# Options and their defaults

<!-- Written by `uv run python -m scripts.options`. The sources are copier.yml and options.yml. -->

The questions, in the order in which they are asked. `--data NAME=VALUE` answers a question in
advance. `--defaults` takes the defaults and asks nothing. A name that is not in this table, or a
value that is not valid, is refused with a message, and nothing is written.

| Name | Question | Default | Values |
|---|---|---|---|
"""
# Defaults that are computed, in words.
COMPUTED = {
    "project_name": "from the folder's name",
    "project_slug": "from `project_name`",
    "description": "a sentence with `project_name`",
    "author_name": "`user.name` of git (launcher), `user_name` of Copier's settings, or empty",
    "author_email": "`user.email` of git (launcher), `user_email` of Copier's settings, or empty",
    "github_owner": "`github.user` of git or the login of gh (launcher), `github_user` of Copier's "
    "settings, or empty",
}
OPTIONS = """
## Options

Each option is a question of its own, with a default from `preset`. An update can switch each option
on and off later.

| Option | minimal | standard | everything |
|---|---|---|---|
"""


def page(config: dict[str, Any], options: list[Option]) -> str:
    """The page, from the content of copier.yml and the options."""
    rows = [
        _question_row(name, question)
        for name, question in config.items()
        if not name.startswith("_") and question.get("when") is not False
    ]
    presets = [
        f"| `{option.name}` | | {'yes' if option.preset == 'standard' else ''} | yes |\n"
        for option in options
    ]
    return INTRODUCTION + "".join(rows) + OPTIONS + "".join(presets)


def _question_row(name: str, question: dict[str, Any]) -> str:
    is_option = question["type"] == "bool"
    default = "from `preset`" if is_option else f"`{question['default']}`"
    choices = question.get("choices", [])
    if isinstance(choices, dict):
        choices = list(choices.values())
    values = ", ".join(f"`{value}`" for value in choices)
    values = values or ("`true`, `false`" if is_option else "text")
    return f"| `{name}` | {question['help']} | {COMPUTED.get(name, default)} | {values} |\n"
