"""A tagged copy of this repository, from which the tests render projects."""

from pathlib import Path

from launcher.testing.snapshot import FIRST_TAG, TAG, commit, take

__all__ = ["FIRST_TAG", "ROOT", "TAG", "commit", "snapshot"]

ROOT = Path(__file__).resolve().parents[2]


def snapshot(folder: Path) -> Path:
    """See `launcher.testing.snapshot.take`."""
    return take(ROOT, folder)
