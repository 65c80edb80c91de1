"""What the processes import: packages that only other processes need cost time and memory."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

MIGRATIONS = {"alembic", "mako"}
# Supabase's own client is imported at its first use, which most processes never have.
SUPABASE = {"supabase", "supabase_auth", "supabase_functions", "storage3", "postgrest", "realtime"}
COMMANDS = {"typer", "devstack", "tests"}
PAGES = {"wtforms"}
SERVER = {"uvicorn", "scalar_fastapi", "app.main", "app.core.http.middleware"}

FOREIGN = {
    "app.main": MIGRATIONS
    | SUPABASE
    | COMMANDS
    | PAGES
    | {"psycopg", "celery.worker", "app.worker"},
    # Beat is the same module.
    "app.worker": MIGRATIONS | SUPABASE | COMMANDS | PAGES | SERVER,
}


@pytest.mark.parametrize("module", FOREIGN)
def test_a_process_imports_nothing_that_only_others_need(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert FOREIGN[module].intersection(done.stdout.split()) == set()
