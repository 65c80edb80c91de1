"""Databases for tests of the dev stack."""

from collections.abc import Iterator

import pytest

from tests.support import databases


@pytest.fixture
def empty_database_url() -> Iterator[str]:
    """The URL of a database without any table."""
    with databases.temporary(databases.EMPTY) as url:
        yield url
