"""The environment of the tests: of the shell, only what is listed here reaches them.

A proxy, a setting of this project or a variable of libpq would otherwise change their results.
"""

import os
import time

# What programs need to start, and where they find and store files.
_NAMES = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TERM", "VIRTUAL_ENV", "CI"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DEV_POSTGRES_BIN", "DEV_REDIS_BIN"),
}
# Options of the tools that run the tests, and the real Supabase that some tests can use.
_PREFIXES = ("PYTEST_", "COVERAGE_", "HYPOTHESIS_", "UV_", "SUPABASE_TEST_")


def clean() -> None:
    """Remove every other variable, and set the environment of the app to `test`.

    Without effect in a worker of pytest-xdist, whose environment comes from the main process.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    for name in os.environ.keys() - _NAMES:
        if not name.startswith(_PREFIXES):
            del os.environ[name]
    time.tzset()  # TZ is gone
    # This keeps the settings from reading the developer's `.env`.
    os.environ["ENVIRONMENT"] = "test"
