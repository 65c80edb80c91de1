"""The files of the template by the path at which they are rendered."""

from pathlib import Path

from support.snapshot import ROOT


def sources(path: str) -> list[Path]:
    """The files or folders of a path such as `/app/features/items`; both of the two samples."""
    pattern = path.strip("/").replace("features/items", "features/*items*")
    # A page of docs/ has a template, which ends in .jinja.
    return [found for end in ("", ".jinja") for found in (ROOT / "template").glob(pattern + end)]
