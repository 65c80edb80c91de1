"""Where the value of a setting comes from, as the settings of this process were read."""

import os
from collections.abc import Callable
from pathlib import Path

from dotenv import dotenv_values

from app.core.settings import groups

# Written by the dev stack while it runs. Its processes get the same addresses as variables.
STACK = ".dev/env"


def finder() -> Callable[[str], str]:
    """Read the files once and return a function that names the source of a variable."""
    # Tests read no file, even if a dev stack runs in the same folder.
    read = {file: dotenv_values(Path(file)) for file in groups.ENV_FILES}
    stack = read.pop(STACK, {})

    def source(name: str) -> str:
        if value := os.environ.get(name):
            return "app dev" if value == stack.get(name) else "environment"
        if found := [file for file, values in read.items() if values.get(name)]:
            return found[-1]  # as for the settings, the last file counts
        return "app dev" if stack.get(name) else "default"

    return source
