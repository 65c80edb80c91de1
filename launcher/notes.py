"""The sections *Update notes* of the template's CHANGELOG between two versions."""

import re

_HEADING = "Update notes"


def update_notes(changelog: str) -> dict[str, str]:
    """Map each version heading (`1.2.0 - 2026-11-02`, `Unreleased`) to its *Update notes*."""
    notes = {}
    for version in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        title, _, body = version.partition("\n")
        for section in re.split(r"^### ", body, flags=re.MULTILINE)[1:]:
            heading, _, text = section.partition("\n")
            if heading.strip() == _HEADING and text.strip():
                notes[title.strip().replace("[", "").replace("]", "")] = text.strip()
    return notes


def notes_between(old: str, new: str) -> dict[str, str]:
    """The notes of the changelog `new` that are not in the changelog `old`, newest first."""
    known = set(update_notes(old).values())
    return {title: text for title, text in update_notes(new).items() if text not in known}
