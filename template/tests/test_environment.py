"""The tests of this project do not depend on the shell that starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile import OF_OTHER_PROJECTS, OF_OTHERS

PROJECT = Path(__file__).parents[1]
# Settings, database, migrations, a worker, the command line, and a request over HTTP.
TESTS = ("tests/features/items", "tests/core/test_settings.py", "tests/core/test_http_client.py")


@pytest.mark.slow
def test_they_pass_in_a_shell_full_of_other_settings() -> None:
    shell = {name: each for name, each in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=PROJECT,
        env=shell | OF_OTHERS | OF_OTHER_PROJECTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
