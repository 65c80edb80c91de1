"""The frontend of a project: installed from npm, checked, built, and used in a browser."""

import pytest

from support.commands import run
from support.plugins.variants import EVERYTHING, Variant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


def test_it_is_correct_and_works_in_a_browser(variant: Variant) -> None:
    app = ["uv", "run", "--quiet", "app", "web"]
    run([*app, "install"], variant.project)
    lock = (variant.project / "web/package-lock.json").read_text("utf-8")
    assert "resolved" not in lock, "the lock file names a registry"
    run([*app, "lint"], variant.project)
    run([*app, "test"], variant.project)
    run(["uv", "run", "--quiet", "pytest", "-q", "-m", "slow", "tests/e2e"], variant.project)
