"""The tests of a project that start its whole stack and kill parts of it: `-m slow`.

They take a fifth as long as all others together, so they are a run of their own.
"""

import pytest

from support.commands import run
from support.plugins.variants import EVERYTHING, Variant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.usefixtures("named"),
    pytest.mark.parametrize("variant", EVERYTHING, indirect=True),
]


def test_its_slow_tests_pass(variant: Variant) -> None:
    # They wait a lot: two at once.
    # Those in a browser are part of test_frontend.py, which installs what they need.
    command = ["uv", "run", "--quiet", "pytest", "-q", "-n", "2", "-m", "slow", "tests"]
    run([*command, "--ignore=tests/e2e"], variant.project)
