"""The stack of a variant stops and leaves nothing.

By its name, this file comes after the files that need the stack.
"""

import os
import sys

import pytest

from support.plugins.variants import Variant
from support.stack import DevStack, eventually

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("named")]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processes from /proc")
def test_stop_leaves_no_process(variant: Variant, stack: DevStack) -> None:
    assert stack.left()
    assert stack.stop() in (0, 128 + 15)
    eventually(lambda: not stack.left(), seconds=10)
    assert not os.path.lexists(variant.project / ".dev/env")
