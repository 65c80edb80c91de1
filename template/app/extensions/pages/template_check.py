"""Checks every address in every template, so that a wrong one fails the start and each test."""

from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from jinja2 import TemplateSyntaxError, nodes
from starlette.routing import NoMatchFound

from app.core.features import FeatureError
from app.extensions.pages.addresses import Addresses
from app.extensions.pages.rendering import environment


def check_templates(app: FastAPI) -> None:
    """Read all templates of pages.

    Raises:
        FeatureError: a template cannot be compiled, or names a page or a static file that does not
            exist; the message has the file and the line.
    """
    if found := list(_faults(app.state.addresses)):
        raise FeatureError("Templates are wrong:\n" + "\n".join(f"  {each}" for each in found))


def _faults(addresses: Addresses) -> Iterator[str]:
    templates = environment()
    for name in templates.list_templates():
        try:
            # It compiles the template as well, which the first visitor need not wait for then.
            file = templates.get_template(name).filename or ""
            tree = templates.parse(Path(file).read_text("utf-8"))
        except TemplateSyntaxError as error:
            yield f"{name}, line {error.lineno}: {error.message}"
            continue
        for call in tree.find_all(nodes.Call):
            called = call.node.name if isinstance(call.node, nodes.Name) else None
            if called == "url_for" and (fault := _fault(addresses, call)):
                yield f"{name}, line {call.lineno}: {fault}"


def _fault(addresses: Addresses, call: nodes.Call) -> str | None:
    first = call.args[0] if call.args else None
    if not isinstance(first, nodes.Const):
        return None
    values = {each.key: each.value for each in call.kwargs}
    try:
        expected = addresses.values(first.value)
    except NoMatchFound:
        return f"there is no page {first.value}"
    if values.keys() != expected:
        return f"{first.value} has the values {sorted(expected)} in its path"
    path = values.get("path")
    if first.value == "static" and isinstance(path, nodes.Const):
        try:
            addresses.path("static", path=path.value)
        except NoMatchFound:
            return f"there is no static file {path.value}"
    return None
