"""Defaults that this machine can give: see extensions/defaults.yml."""

import subprocess
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment

_HERE = Path(__file__).resolve().parent


def defaults_file() -> Path:
    """extensions/defaults.yml of the checkout, or its copy inside an installed launcher."""
    checkout = _HERE.parent / "extensions" / "defaults.yml"
    return checkout if checkout.is_file() else _HERE / "defaults.yml"


@cache
def machine_defaults() -> dict[str, str]:
    """Question name to default; a question whose command gives nothing usable is left out."""
    environment = Environment(
        extensions=["jinja2_shell_extension.ShellExtension"],
        autoescape=False,  # noqa: S701  the output is an answer, not a page
    )
    found: dict[str, str] = {}
    for question, expression in yaml.safe_load(defaults_file().read_text("utf-8")).items():
        try:
            value = environment.from_string(expression).render().strip()
        except (subprocess.SubprocessError, OSError, UnicodeDecodeError):
            continue
        if value and value.isprintable():
            found[question] = value
    return found
