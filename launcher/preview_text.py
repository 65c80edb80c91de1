"""A preview as text for a terminal, as JSON, and as the body of a pull request."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict

from launcher.preview import Preview

_MAX_FILES = 40  # of one kind in a pull request, whose diff shows all of them
_NEXT = "uv lock && uv sync, uv run app db upgrade, uv run pytest tests"


def as_json(preview: Preview) -> str:
    """All fields of the preview."""
    return json.dumps(asdict(preview), indent=2, ensure_ascii=False)


def as_text(preview: Preview) -> str:
    """Every section that holds something, with its number of entries."""
    if preview.empty:
        return f"The project has {preview.new} of the template already: nothing would change."
    lines = [f"{preview.old} → {preview.new}. Nothing was written."]
    for title, entries in _sections(preview):
        lines += ["", f"{title} ({len(entries)})", *(f"  {entry}" for entry in entries)]
    for title, text in preview.notes.items():
        lines += ["", f"Update notes, {title}", text]
    return "\n".join(lines)


def as_markdown(preview: Preview) -> str:
    """The body of a pull request."""
    if preview.empty:
        return f"The project has {preview.new} of the template already."
    lines = [f"Updates the template from `{preview.old}` to `{preview.new}`."]
    for title, text in preview.notes.items():
        lines += ["", f"## Update notes, {title}", "", text]
    for title, entries in _sections(preview):
        shown = entries[:_MAX_FILES]
        lines += ["", f"## {title}", "", *(f"- {_code(entry)}" for entry in shown)]
        if len(entries) > len(shown):
            lines.append(f"- and {len(entries) - len(shown)} more")
    lines += ["", f"Before you merge: {_NEXT}."]
    return "\n".join(lines)


def _sections(preview: Preview) -> Iterator[tuple[str, list[str]]]:
    sections = {
        "Files with conflicts": preview.conflicts,
        "New questions": [
            f"{each.name} = {_answer(each.answer)}: {each.help}"
            for each in preview.questions
            if not each.option
        ],
        "New options": [
            f"{each.name} = {_answer(each.answer)}: {each.help}"
            for each in preview.questions
            if each.option
        ],
        "Questions that no longer exist": preview.questions_removed,
        "New settings": preview.settings_added,
        "Renamed settings": [f"{old} is {new}" for old, new in preview.settings_renamed.items()],
        "Settings that no longer exist": preview.settings_removed,
        "Migrations": [
            f"{each.path}: {each.title} Locks: {'; '.join(each.locks) or 'no existing table'}."
            for each in preview.migrations
        ],
        "Dependencies": preview.dependencies,
        "New files": preview.added,
        "Changed files": preview.changed,
        "Removed files": preview.removed,
    }
    return ((title, entries) for title, entries in sections.items() if entries)


def _answer(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _code(entry: str) -> str:
    """The name at the beginning of an entry as code, so that no underscore becomes emphasis."""
    sign, rest = (entry[:2], entry[2:]) if entry[:2] in ("+ ", "- ") else ("", entry)
    name = re.split(": | = | is | \\(", rest, maxsplit=1)[0]
    return f"`{sign}{name}`{rest.removeprefix(name)}"
