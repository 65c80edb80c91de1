"""What the build publishes."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_source_is_not_published(built: Path) -> None:
    published = [file for file in (built / "client").rglob("*") if file.is_file()]
    assert [file for file in published if ".map" in file.suffixes] == []
    scripts = [file for file in published if file.suffix == ".js"]
    assert scripts
    assert not any("sourceMappingURL" in file.read_text("utf-8") for file in scripts)
    # The source maps are there for those who debug, beside what is published.
    for script in (built / "client/assets").glob("entry*.js"):
        assert (built / "maps/assets" / f"{script.name}.map").exists()
