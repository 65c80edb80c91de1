"""Settings that were removed or renamed, and that are still set: they would have no effect."""

import os
import tomllib
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from app.core.settings.groups import ENV_FILES, Problem

LIST = Path(__file__).with_name("retired.toml")


def retired_settings() -> list[Problem]:
    """Return `(VARIABLE, since when it is gone and what to do)` for each one that is still set.

    Empty values count as not set.
    """
    entries: dict[str, dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    in_files = {
        name.upper()
        for file in ENV_FILES
        for name, value in dotenv_values(file, interpolate=False).items()
        if value
    }
    in_environment = {name.upper() for name, value in os.environ.items() if value}
    return [
        (name, f"is not a setting since version {entry['since']}: {_cure(name, entry)}")
        for name, entry in entries.items()
        if name in in_files or (name in in_environment and not entry.get("in_file"))
    ]


def _cure(name: str, entry: dict[str, Any]) -> str:
    new = entry.get("renamed_to")
    return f"rename it to {new}." if new else str(entry.get("cure", f"remove {name}."))
