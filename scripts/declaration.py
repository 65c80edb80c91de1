"""The options as options.yml declares them; the keys are described at the top of that file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PRESETS = ("standard", "everything")


@dataclass(frozen=True)
class Conflict:
    """Answers that are refused together, and the message that says so."""

    answers: Mapping[str, Any]
    message: str


@dataclass(frozen=True)
class Option:
    """One option of the template."""

    name: str
    help: str
    preset: str
    extensions: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    together_with: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Files and folders of this option, see `owned_paths`."""
        folders = ("/app/extensions", "/tests/extensions")
        return [f"{folder}/{name}" for name in self.extensions for folder in folders] + self.files


def load_options(folder: Path = ROOT) -> list[Option]:
    """The options of options.yml, in the order of their questions.

    Raises:
        ValueError: the declaration is not valid; the message names the option.
    """
    declared = yaml.safe_load((folder / "options.yml").read_text("utf-8"))
    options = [_read(name, entry) for name, entry in declared.items()]
    for option in options:
        if unknown := option.together_with.keys() - declared.keys():
            raise ValueError(f"{option.name}: together_with names no option: {sorted(unknown)}")
    for preset in PRESETS:
        for conflict in conflicts(options):
            on = {each.name for each in options if preset in ("everything", each.preset)}
            if all((name in on) == value for name, value in conflict.answers.items()):
                raise ValueError(f"the preset {preset} has a conflict: {conflict.message}")
    return options


def _read(name: str, entry: dict[str, Any]) -> Option:
    known = {each.name for each in fields(Option)} - {"name"}
    if unknown := entry.keys() - known:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    if missing := {"help", "preset"} - entry.keys():
        raise ValueError(f"{name}: missing keys {sorted(missing)}")
    if entry["preset"] not in PRESETS:
        raise ValueError(f"{name}: preset must be one of {', '.join(PRESETS)}")
    refused = [
        Conflict({**each["answers"], name: True}, each["message"])
        for each in entry.get("conflicts", [])
    ]
    return Option(name, **{"words": [name], **entry, "conflicts": refused})


def conflicts(options: list[Option]) -> list[Conflict]:
    """The conflicts of all options."""
    return [conflict for option in options for conflict in option.conflicts]


def owned_paths(options: list[Option]) -> dict[tuple[str, ...], list[str]]:
    """The paths by the names of the options that declare them; one of these has to be on."""
    names: dict[str, tuple[str, ...]] = {}
    for option in options:
        for path in option.paths:
            names[path] = (*names.get(path, ()), option.name)
    found: dict[tuple[str, ...], list[str]] = {}
    for path, owners in names.items():
        found.setdefault(owners, []).append(path)
    return found
