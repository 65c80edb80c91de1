"""The names and rules of checks.jinja, read as Copier reads them."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_ansible_filters import AnsibleCoreFiltersExtension

ROOT = Path(__file__).resolve().parent.parent


def load_checks(folder: Path = ROOT) -> Any:
    """The module of checks.jinja: its lists and macros are attributes."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        extensions=[AnsibleCoreFiltersExtension],
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  as Copier has it
    )
    return environment.get_template("checks.jinja").module
