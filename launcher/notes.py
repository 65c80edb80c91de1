"""The sections *Update notes* of the template's CHANGELOG between two versions."""

import re
import subprocess
import tempfile
from pathlib import Path

from launcher import git
from launcher.errors import LauncherError

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


def fetch_notes(url: str, old: str, new: str) -> dict[str, str]:
    """The notes between two commits of the template. `url` is written as in the answers file.

    Raises:
        LauncherError: the template could not be fetched.
    """
    address = url.removeprefix("git+")
    for prefix, host in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        if address.startswith(prefix):
            address = host + address.removeprefix(prefix)
    with tempfile.TemporaryDirectory(prefix="template-notes-") as scratch:
        clone = Path(scratch) / "template"
        result = subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", "--", address, str(clone)],
            capture_output=True,
            check=False,
        )
        if result.returncode != 0:
            raise LauncherError(f"The template at {address} could not be fetched.")
        before, after = (
            git.read(clone, "show", f"{commit}:CHANGELOG.md", check=False) for commit in (old, new)
        )
    return notes_between(before, after)
