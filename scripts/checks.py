"""Jinja templates of this repository, loaded with the settings of Copier."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_ansible_filters import AnsibleCoreFiltersExtension

ROOT = Path(__file__).resolve().parent.parent


def jinja_environment(folder: Path = ROOT) -> Environment:
    """An environment with the filters and settings that Copier uses for this template."""
    return Environment(
        loader=FileSystemLoader(folder),
        extensions=[AnsibleCoreFiltersExtension],
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  the output is not HTML
    )


def load_checks(folder: Path = ROOT) -> Any:
    """The module of checks.jinja, whose lists and macros are attributes."""
    return jinja_environment(folder).get_template("checks.jinja").module
