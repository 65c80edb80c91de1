"""Formats generated code with ruff."""

import subprocess
import sys
from pathlib import Path


def tidy(*files: Path, rules: str = "I") -> None:
    """Fix findings of these rules (default: the order of imports) and format.

    Raises:
        subprocess.CalledProcessError: ruff fails.
    """
    for arguments in (["check", "--select", rules, "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", *map(str, files)]
        subprocess.run(command, check=True)
