"""Edits of text files."""

from pathlib import Path


def append(path: Path, text: str) -> None:
    """Add text at the end of a file."""
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text.

    Raises:
        AssertionError: the file does not hold it.
    """
    text = path.read_text("utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")
