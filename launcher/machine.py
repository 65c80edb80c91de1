"""Default answers from commands on this machine, as extensions/defaults.yml lists them."""

import subprocess
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment

_HERE = Path(__file__).resolve().parent


def defaults_file() -> Path:
    """The file extensions/defaults.yml of the checkout, or its copy in an installed launcher."""
    checkout = _HERE.parent / "extensions" / "defaults.yml"
    return checkout if checkout.is_file() else _HERE / "defaults.yml"


@cache
def machine_defaults() -> dict[str, str]:
    """The default of each question whose command prints a usable value."""
    environment = Environment(
        extensions=["jinja2_shell_extension.ShellExtension"],
        autoescape=False,  # noqa: S701  the output is not HTML
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
