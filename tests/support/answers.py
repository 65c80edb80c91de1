"""The answers that are tested, derived from options.yml and tests/matrix.json."""

import json
from dataclasses import dataclass
from typing import Any

from scripts import matrix
from scripts.checks import load_checks
from scripts.declaration import load_options

Answers = dict[str, Any]
CHECKS = load_checks()
OPTIONS = {option.name: option for option in load_options()}
PRESETS = ("minimal", "standard", "everything")


def chosen_options(answers: Answers) -> set[str]:
    """The options that answers switch on, by name or by preset."""
    preset = answers.get("preset", matrix.questions()["preset"]["default"])
    return {
        name
        for name, option in OPTIONS.items()
        if answers.get(name, preset in ("everything", option.preset))
    }


def is_allowed(answers: Answers) -> bool:
    """Whether the answers, with the options of their preset, are free of conflicts."""
    complete = answers | {name: name in chosen_options(answers) for name in OPTIONS}
    return not matrix.conflicting(complete, CHECKS.CONFLICTS)


def preset_variants() -> dict[str, Answers]:
    """The three presets without further answers."""
    return {preset: {"preset": preset} for preset in PRESETS}


def option_variants() -> dict[str, Answers]:
    """`only-NAME` and `without-NAME` of each option, as far as conflicts allow them."""
    found: dict[str, Answers] = {}
    for name in OPTIONS:
        found[f"only-{name}"] = {"preset": "minimal", name: True}
        found[f"without-{name}"] = {"preset": "everything", name: False}
    return {name: answers for name, answers in found.items() if is_allowed(answers)}


def matrix_variants() -> dict[str, Answers]:
    """The rows of tests/matrix.json, as `row-NN`."""
    listed: list[Answers] = json.loads(matrix.MATRIX.read_text("utf-8"))
    return {f"row-{number:02}": row for number, row in enumerate(listed, 1)}


def all_variants() -> dict[str, Answers]:
    """Every variant of the render tier, by name."""
    return preset_variants() | option_variants() | matrix_variants()


@dataclass(frozen=True)
class Persona:
    """A team: its answers, and whether it uses the newest or the oldest Python."""

    name: str
    answers: Answers
    newest_python: bool


def personas() -> list[Persona]:
    """The three presets, and one with every second option and texts that are hard to quote."""
    half = {name: number % 2 == 0 for number, name in enumerate(OPTIONS)}
    texts = {
        "project_name": 'Bob\'s "Best" {{ Shop }} 日本',
        "project_slug": "bobs-best",
        "description": "100 % of it: $HOME, `id` \\ #1 & <more>",
        "author_name": "Zoë O'Neil",
        "author_email": "zoe@example.com",
        "github_owner": "acme/backend",
        "license": "Apache-2.0",
        "python_version": "3.14",
    }
    listed = [
        Persona("minimal", {"preset": "minimal"}, newest_python=False),
        Persona("standard", {"preset": "standard"}, newest_python=True),
        Persona("everything", {"preset": "everything", "deploy": "vm"}, newest_python=True),
        Persona("half", half | texts, newest_python=False),
    ]
    return [persona for persona in listed if is_allowed(persona.answers)]
