"""A small template with two versions, which the tests of the command `update` share."""

from pathlib import Path

import pytest

from support.versions import two_versions


@pytest.fixture(scope="session")
def small(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once in each process: tests of the group `update-small` share one. Read-only."""
    return two_versions(template, tmp_path_factory.mktemp("small") / "template")
