"""A feature that a team adds to a running project: written, changed, migrated."""

import pytest

from support.commands import run
from support.stack import DevStack

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("running")]


def test_feature_is_written_changed_and_migrated(running: DevStack) -> None:
    project = running.project
    app = ["uv", "run", "--quiet", "app"]
    run([*app, "feature", "new", "invoices"], project)
    run([*app, "db", "upgrade"], project)
    models = project / "app/features/invoices/models.py"
    models.write_text(models.read_text("utf-8").rstrip() + "\n    price: int = 0\n", "utf-8")
    run([*app, "db", "migrate", "--feature", "invoices", "-m", "Add a price"], project)
    run([*app, "db", "upgrade"], project)
    run([*app, "db", "check"], project)
    assert len(list((project / "app/features/invoices/migrations").glob("*.py"))) >= 2
    run(["uv", "run", "--quiet", "ruff", "check", "app"], project)
