"""The answers that are tested, all taken from copier.yml and tests/matrix.json."""

import json
from dataclasses import dataclass
from typing import Any

from scripts import matrix
from scripts.checks import load_checks

Answers = dict[str, Any]
CHECKS = load_checks()
PRESETS = ("minimal", "standard", "everything")


def options() -> list[str]:
    """The names of the options, in the order in which they are asked."""
    return [name for name, question in matrix.questions().items() if question["type"] == "bool"]


def chosen(answers: Answers) -> set[str]:
    """The options that answers switch on, by name or by their preset."""
    preset = answers.get("preset", matrix.questions()["preset"]["default"])
    standard = options() if preset == "everything" else CHECKS.STANDARD
    by_preset = set() if preset == "minimal" else set(standard)
    return {name for name in options() if answers.get(name, name in by_preset)}


def rows() -> dict[str, Answers]:
    """Every row of the matrix, by a name."""
    listed: list[Answers] = json.loads(matrix.MATRIX.read_text("utf-8"))
    return {f"row-{number:02}": row for number, row in enumerate(listed, 1)}


def flips() -> dict[str, Answers]:
    """Each option alone, and everything without it, where that is allowed."""
    found: dict[str, Answers] = {}
    for name in options():
        found[f"only-{name}"] = {"preset": "minimal", name: True}
        found[f"without-{name}"] = {"preset": "everything", name: False}
    return {name: answers for name, answers in found.items() if is_allowed(answers)}


def is_allowed(answers: Answers) -> bool:
    """Whether the answers, with the options their preset gives, go together."""
    whole = answers | {name: name in chosen(answers) for name in options()}
    return not matrix.conflicting(whole, CHECKS.CONFLICTS)


def presets() -> dict[str, Answers]:
    """What the three presets give by themselves."""
    return {preset: {"preset": preset} for preset in PRESETS}


def rendered() -> dict[str, Answers]:
    """Everything that the render tier looks at."""
    return presets() | flips() | rows()


@dataclass(frozen=True)
class Persona:
    """A team with its answers, and whether it works on the oldest or the newest Python."""

    name: str
    answers: Answers
    newest_python: bool


def personas() -> list[Persona]:
    """The three presets, and an odd one: every second option, and answers that are hard to hold."""
    half = {name: number % 2 == 0 for number, name in enumerate(options())}
    odd = {
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
        Persona("everything", {"preset": "everything"}, newest_python=True),
        Persona("half", half | odd, newest_python=False),
    ]
    return [persona for persona in listed if is_allowed(persona.answers)]
