"""A workshop for tests of migrations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.migrations.workshop import Workshop, open_workshop


@pytest.fixture
def workshop(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workshop]:
    with open_workshop(database_url, tmp_path, monkeypatch) as workshop:
        yield workshop
